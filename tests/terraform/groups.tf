# Who shares policies: a group that the application is in, and a user who may do no more than a boundary says.

data "aws_iam_policy" "client" {
  name = "AWSSecretsManagerClientReadOnlyAccess"
}

resource "aws_iam_group" "readers" {
  name = "${var.name}-readers"
  path = "/applications/"
}

resource "aws_iam_group_policy" "list" {
  name  = "list"
  group = aws_iam_group.readers.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:ListSecrets", Resource = "*" }]
  })
}

resource "aws_iam_group_policy_attachment" "client" {
  group      = aws_iam_group.readers.name
  policy_arn = data.aws_iam_policy.client.arn
}

resource "aws_iam_user_group_membership" "application" {
  user   = aws_iam_user.application.name
  groups = [aws_iam_group.readers.name]
}

resource "aws_iam_user" "bounded" {
  name                 = "${var.name}-bounded"
  permissions_boundary = aws_iam_policy.read.arn
  force_destroy        = true
}
