"""A package with several handlers: Lambda names them `store/orders.handler`, or `store.orders.handler`."""

OPEN = True
