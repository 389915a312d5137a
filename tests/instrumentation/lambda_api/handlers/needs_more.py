import a_module_that_is_not_there  # type: ignore[import-not-found]


def handler(event, context):  # type: ignore[no-untyped-def]
    return a_module_that_is_not_there
