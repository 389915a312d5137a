"""What Lambda's own /var/runtime/bootstrap.py does: the real runtime client, on the function's code and the layers' folders."""

import os
import sys

sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["OPT_PYTHON"]]

import awslambdaric.__main__

if __name__ == "__main__":
    awslambdaric.__main__.main(["", os.environ["_HANDLER"]])
