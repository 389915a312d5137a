"""What a person who wrote a wrong filter gets to read."""

from typing import Self

CONTEXT = 60
"""Characters shown on each side of the place of an error."""


class FilterError(ValueError):
    """A filter that cannot be used. `str()` says what is wrong, how to mend it, and shows the place.

    `position` counts characters from 0; `line` and `column` count from 1. All three are None for a condition
    that was not written as text. `expected` lists what the grammar allows at the place, if that is the error.
    """

    def __init__(
        self, message: str, *, position: int | None = None, expected: tuple[str, ...] = (), text: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.expected = expected
        self.text = text

    def placed(self, position: int) -> Self:
        """The same error at `position`, unless it already has a place."""
        place = position if self.position is None else self.position
        return type(self)(self.message, position=place, expected=self.expected, text=self.text)

    def shown_in(self, text: str) -> Self:
        """The same error with the filter whose place it names."""
        return type(self)(self.message, position=self.position, expected=self.expected, text=text)

    @property
    def line(self) -> int | None:
        return None if self.position is None else self.text.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int | None:
        return None if self.position is None else self.position - self._line_start(self.position) + 1

    def __str__(self) -> str:
        if self.position is None:
            return self.message
        return f"{self.message}\n{self._picture(self.position)}"

    def _line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1

    def _picture(self, position: int) -> str:
        start = max(self._line_start(position), position - CONTEXT)
        before = self.text[start:position]
        after = self.text[position : position + CONTEXT].partition("\n")[0]
        return f"  {_printable(before + after)}\n  {' ' * len(before)}^"


def _printable(text: str) -> str:
    """One column a character, so that the caret stands where it should; nothing that a terminal obeys."""
    return "".join(character if character.isprintable() else " " for character in text)
