"""From the settings to the state, without all that services need."""

from coldlight_cli.settings import Settings
from coldlight_storage.state import State, open_state


def state_of(settings: Settings) -> State:
    """The state that these settings name; nothing is reached yet."""
    return open_state(settings.state.get_secret_value() if settings.state else None, settings.data)
