# A key with an alias and a grant, and a secret under it with a value, a policy, tags and a time to change one's mind.

variable "description" {
  type    = string
  default = "made by Terraform"
}

variable "password" {
  type      = string
  sensitive = true
  default   = "first"
}

data "aws_caller_identity" "me" {}

resource "aws_kms_key" "secrets" {
  description             = "the secrets of ${var.name}"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  tags                    = { team = "blue" }
}

resource "aws_kms_alias" "secrets" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.secrets.key_id
}

resource "aws_kms_grant" "reader" {
  name              = var.name
  key_id            = aws_kms_key.secrets.key_id
  grantee_principal = aws_iam_role.reader.arn
  operations        = ["DescribeKey"]
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "${var.name}/database"
  description             = var.description
  kms_key_id              = aws_kms_key.secrets.arn
  recovery_window_in_days = 0
  tags                    = { team = "blue", stage = "test" }
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ username = "app", password = var.password })
}

resource "aws_secretsmanager_secret" "recoverable" {
  name                    = "${var.name}/recoverable"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_policy" "database" {
  secret_arn          = aws_secretsmanager_secret.database.arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.reader.arn }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

data "aws_secretsmanager_secret_version" "database" {
  secret_id  = aws_secretsmanager_secret.database.id
  depends_on = [aws_secretsmanager_secret_version.database]
}

output "read_back" {
  value     = jsondecode(data.aws_secretsmanager_secret_version.database.secret_string)["password"]
  sensitive = true
}

output "secret_arn" {
  value = aws_secretsmanager_secret.database.arn
}

output "key_arn" {
  value = aws_kms_key.secrets.arn
}
