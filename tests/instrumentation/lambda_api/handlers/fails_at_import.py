from typing import Any

value: Any = None
value.missing()
