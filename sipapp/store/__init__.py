"""Where bindings, accounts and calls are kept: providers of what ``core`` and ``app`` ask for."""
