# A secret that a function rotates: at once, and then every month.

variable "archive" {
  description = "the function's zip file"
  type        = string
}

variable "runtime" {
  type = string
}

resource "aws_iam_role" "rotation" {
  name = "${var.name}-rotation"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  })
}

resource "aws_iam_role_policy" "rotation" {
  name = "rotate"
  role = aws_iam_role.rotation.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "secretsmanager:DescribeSecret",
          "secretsmanager:GetSecretValue",
          "secretsmanager:PutSecretValue",
          "secretsmanager:UpdateSecretVersionStage",
        ]
        Resource = aws_secretsmanager_secret.rotated.arn
      },
      { Effect = "Allow", Action = "secretsmanager:GetRandomPassword", Resource = "*" },
    ]
  })
}

resource "aws_lambda_function" "rotation" {
  function_name    = "${var.name}-rotation"
  role             = aws_iam_role.rotation.arn
  runtime          = var.runtime
  handler          = "rotate.handler"
  filename         = var.archive
  source_code_hash = filebase64sha256(var.archive)
  timeout          = 30
  tags             = { team = "blue" }

  environment {
    variables = { COLOUR = "blue" }
  }
}

resource "aws_lambda_permission" "rotation" {
  statement_id   = "rotation"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.rotation.function_name
  principal      = "secretsmanager.amazonaws.com"
  source_account = data.aws_caller_identity.me.account_id
}

resource "aws_secretsmanager_secret" "rotated" {
  name                    = "${var.name}/rotated"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "rotated" {
  secret_id     = aws_secretsmanager_secret.rotated.id
  secret_string = "before the rotation"
}

resource "aws_secretsmanager_secret_rotation" "rotated" {
  secret_id           = aws_secretsmanager_secret.rotated.id
  rotation_lambda_arn = aws_lambda_function.rotation.arn

  rotation_rules {
    schedule_expression = "rate(30 days)"
    duration            = "2h"
  }

  depends_on = [
    aws_iam_role_policy.rotation,
    aws_lambda_permission.rotation,
    aws_secretsmanager_secret_version.rotated,
  ]
}
