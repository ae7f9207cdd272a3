"""``python -m sipapp`` is the ``sipapp`` command."""

from sipapp.cli import main

raise SystemExit(main())
