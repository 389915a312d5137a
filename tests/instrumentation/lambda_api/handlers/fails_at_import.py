value = None
value.missing  # type: ignore[attr-defined]
