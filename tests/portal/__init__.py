"""The portal against a provider that may lie; `tests/demo` has it against ours."""
