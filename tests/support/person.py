"""Someone whose shell leads to a real AWS account."""

import os

PERSON = {
    "PATH": os.environ["PATH"],
    "HOME": "/home/person",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/production",
    "AWS_ENDPOINT_URL": "https://proxy.example",
    "AWS_ENDPOINT_URL_S3": "https://s3.eu-central-1.amazonaws.com",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/",
}
