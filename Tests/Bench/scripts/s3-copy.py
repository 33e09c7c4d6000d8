"""What `aws s3 cp --recursive` does, with the library that it is made of: s3-copy.py URL FOLDER."""

import pathlib
import sys

import boto3
from boto3.s3.transfer import TransferConfig

client = boto3.client("s3", endpoint_url=sys.argv[1])
settings = TransferConfig(max_concurrency=10, multipart_chunksize=8 << 20)
transfer = boto3.s3.transfer.create_transfer_manager(client, settings)
with transfer:
    for path in pathlib.Path(sys.argv[2]).iterdir():
        transfer.upload(str(path), "bench", path.name).result()
