"""Sphinx builds HTML of these pages with `make docs`; they read well as they are, too."""

import sipapp

project = "sipapp"
author = "The sipapp authors"
release = sipapp.__version__
exclude_patterns = ["examples"]
html_theme = "alabaster"
