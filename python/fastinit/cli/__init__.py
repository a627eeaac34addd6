"""The command line, ``fastinit``: one file per command, and what the commands share."""
