"""Films that the wall page plays during a session, and where they are: the report's times are then the film's own."""
