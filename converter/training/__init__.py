"""Training: views of a face, what decides a run, the loop, teachers and their votes."""
