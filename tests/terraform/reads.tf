# What other configurations read of what is made here.

data "aws_secretsmanager_secret" "database" {
  arn = aws_secretsmanager_secret.database.arn
}

data "aws_secretsmanager_secrets" "all" {
  filter {
    name   = "name"
    values = ["${var.name}/"]
  }

  depends_on = [
    aws_secretsmanager_secret.database,
    aws_secretsmanager_secret.recoverable,
    aws_secretsmanager_secret.rotated,
  ]
}

data "aws_secretsmanager_secret_versions" "database" {
  secret_id          = aws_secretsmanager_secret.database.id
  include_deprecated = true
  depends_on         = [aws_secretsmanager_secret_version.database]
}

data "aws_secretsmanager_secret_rotation" "rotated" {
  secret_id = aws_secretsmanager_secret_rotation.rotated.id
}

data "aws_kms_alias" "secrets" {
  name = aws_kms_alias.secrets.name
}

data "aws_iam_user" "application" {
  user_name = aws_iam_user.application.name
}

data "aws_iam_role" "reader" {
  name = aws_iam_role.reader.name
}

data "aws_iam_policy" "read" {
  arn = aws_iam_policy.read.arn
}

data "aws_lambda_function" "rotation" {
  function_name = aws_lambda_function.rotation.function_name
}

output "reads" {
  value = {
    alias    = data.aws_kms_alias.secrets.target_key_arn
    function = data.aws_lambda_function.rotation.role
    policy   = data.aws_iam_policy.read.name
    role     = data.aws_iam_role.reader.max_session_duration
    rotation = data.aws_secretsmanager_secret_rotation.rotated.rotation_enabled
    secret   = data.aws_secretsmanager_secret.database.description
    secrets  = length(data.aws_secretsmanager_secrets.all.names)
    user     = data.aws_iam_user.application.path
    versions = length(data.aws_secretsmanager_secret_versions.database.versions)
  }
}
