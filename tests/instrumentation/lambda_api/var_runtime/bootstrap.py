"""What Lambda's own /var/runtime/bootstrap.py does: the real runtime client, on the function's code and the layers' folders."""

import os
import sys

sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["OPT_PYTHON"]]

import awslambdaric.bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

if __name__ == "__main__":
    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    awslambdaric.bootstrap.run(os.environ["_HANDLER"], client)
