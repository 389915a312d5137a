"""How truly requests are rebuilt: made-up applications, their true request graphs, and what the API answers.

Read `graph.py` for what is true, `application.py` and `cloud.py` for how it happens, `trouble.py` for what the wire
does to it, `expected.py` for what an answer has to say, `scoring.py` for how it is judged.
"""
