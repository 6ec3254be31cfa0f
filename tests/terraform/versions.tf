# The provider itself is configured by README's block, which the test writes beside this file.
terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "what the names of everything begin with"
  type        = string
}
