"""What invocations and the calls they make cost.

    usage.py              a quantity of something that AWS bills: the one currency of this room
    lambda_usage.py       an invocation as usage
    call_usage.py         a call of an AWS API, or what set an invocation off, as usage
    price_tables.py       what a unit costs, where and since when; `prices/*.json` are the shipped tables
    overlays.py           prices and discounts of one's own, over the shipped ones
    offer_files.py        AWS's price list as such an overlay
    pricing.py            usage at a table's prices: one request, at the marginal rate
    single.py             one invocation, one call
    month.py              usage of a month, with tiers and free tiers
    shares.py             a batch's cost, shared by its records
    waste.py              what need not have been paid
    reading.py            asks the store: what was used in a stretch of time
    spending.py, functions.py, wasted.py, answers.py
                          what that costs, by whatever it is grouped by; the answers

All amounts are exact `Decimal`s; only answers round them (docs/adr/0019-cost.md).
"""
