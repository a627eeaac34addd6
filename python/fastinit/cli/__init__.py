"""The commands of ``fastinit``, one a file, over what they share."""
