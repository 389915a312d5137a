"""The service map: functions and services, what they call and wait on, and how that goes."""
