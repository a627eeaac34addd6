"""The command line, ``fastinit``: one file per command, and what the commands share."""

from fastinit.package import check_package

check_package()
