"""Make the accounts that the digest workload registers: user0 to userN-1, password "secret".

    accounts.py FILE DOMAIN N

Accounts that are there already stay as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sipapp.app.users import Users


def main(path: str, domain: str, count: str) -> None:
    """Fill the file."""
    with Users(Path(path)) as users:
        there = {account.username for account in users.list(domain)}
        for user in (f"user{number}" for number in range(int(count))):
            if user not in there:
                users.add(user, domain, "secret")


if __name__ == "__main__":
    main(*sys.argv[1:])
