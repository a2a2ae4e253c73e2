"""Reports, comparisons and exports of recorded sessions."""
