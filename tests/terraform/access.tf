# Who may read: a user with a key, a role that the user may take, and policies of both kinds.

resource "aws_iam_user" "application" {
  name = "${var.name}-application"
  path = "/applications/"
  tags = { team = "blue" }
}

resource "aws_iam_access_key" "application" {
  user = aws_iam_user.application.name
}

resource "aws_iam_user_policy" "application" {
  name = "take-the-role"
  user = aws_iam_user.application.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Resource = aws_iam_role.reader.arn }]
  })
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.application.arn]
    }
  }
}

resource "aws_iam_role" "reader" {
  name                 = "${var.name}-reader"
  description          = "reads the database's secret"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 7200
  tags                 = { team = "blue" }
}

resource "aws_iam_policy" "read" {
  name        = "${var.name}-read"
  description = "read one secret, and open it with its key"
  tags        = { team = "blue" }
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.database.arn },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.secrets.arn },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_user_policy_attachment" "read" {
  user       = aws_iam_user.application.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy" "describe" {
  name = "describe"
  role = aws_iam_role.reader.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:DescribeSecret", Resource = "*" }]
  })
}

output "access_key" {
  value = aws_iam_access_key.application.id
}

output "access_secret" {
  value     = aws_iam_access_key.application.secret
  sensitive = true
}

output "role_arn" {
  value = aws_iam_role.reader.arn
}
