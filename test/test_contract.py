"""The table of what is promised and which test shows it."""

import subprocess

from support import binary


def test_the_table_of_the_contract_is_current():
    done = subprocess.run([binary.ROOT / "tools" / "contract-table", "--check"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
