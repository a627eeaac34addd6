"""Running a model on a batch: its arguments, its output, its loss, and what stays as it was."""
