"""`python -m tests.docs` writes the generated tables of README.md anew."""

from __future__ import annotations

from tests.docs.readme import README, table_under
from tests.docs.tables import METRICS_HEADER, SETTINGS_HEADER, metrics_table, settings_table


def main() -> None:
    text = README.read_text()
    for placeholder, header, table in (
        ("@SETTINGS@", SETTINGS_HEADER, settings_table()),
        ("@METRICS@", METRICS_HEADER, metrics_table()),
    ):
        old = placeholder if placeholder in text else table_under(text, header)
        text = text.replace(old, table)
    README.write_text(text)


if __name__ == "__main__":
    main()
