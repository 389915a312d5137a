"""What goes wrong in the simulated functions, with the stack traces that a real function would leave."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """One line of a stack trace; `file` is relative to the function's root."""

    file: str
    line: int
    function: str
    code: str


class Fault(Exception):
    """An error that a simulated handler raises: `type` and `message` as the function's language shows them."""

    def __init__(self, type_: str, message: str, *frames: Frame) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.frames = frames

    @property
    def stacktrace(self) -> str:
        """As Python prints it, outermost call first."""
        lines = ["Traceback (most recent call last):"]
        for frame in self.frames:
            lines.append(f'  File "/var/task/{frame.file}", line {frame.line}, in {frame.function}')
            lines.append(f"    {frame.code}")
        return "\n".join([*lines, f"{self.type}: {self.message}"])


class TimedOut(Fault):
    """The function used up its time and was stopped: no handler saw an exception, so none is recorded."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__("Sandbox.Timedout", f"Task timed out after {timeout_s:.2f} seconds")


def card_declined(order_id: str) -> Fault:
    """The bank refuses the customer's card: sending the message again cannot help."""
    return Fault(
        "CardDeclined",
        f"card of order {order_id} was declined: insufficient funds",
        Frame("payment/handler.py", 31, "handler", 'receipt = charge(event["order"])'),
        Frame("payment/bank.py", 58, "charge", "return _receipt(response)"),
        Frame("payment/bank.py", 74, "_receipt", 'raise CardDeclined(order_id, response["reason"])'),
    )


def missing_price(sku: str) -> Fault:
    """The customer orders what the price list does not have, and nobody thought of it."""
    return Fault(
        "KeyError",
        f"'{sku}'",
        Frame("orders/handler.py", 22, "handler", "order = parse(event)"),
        Frame("orders/cart.py", 41, "parse", 'total = sum(price(item["sku"]) for item in items)'),
        Frame("orders/cart.py", 63, "price", "return PRICES[sku]"),
    )


def mail_throttled() -> Fault:
    """The mail service has had enough for now: the platform's second attempt succeeds."""
    return Fault(
        "TooManyRequestsException",
        "An error occurred (TooManyRequestsException) when calling the SendEmail operation: Rate exceeded",
        Frame("notifications/handler.py", 18, "handler", 'mail.send(event["detail"])'),
        Frame("notifications/mail.py", 27, "send", "return ses.send_email(**message)"),
    )


def callee_failed(function_name: str, error_type: str) -> Fault:
    """A function that was invoked failed: `FunctionError` in the answer of Lambda's Invoke."""
    return Fault(
        "PaymentFailed",
        f"{function_name} failed with {error_type}",
        Frame("worker/handler.py", 47, "process", "pay(order)"),
        Frame("worker/payment.py", 19, "pay", 'raise PaymentFailed(payload["errorType"])'),
    )
