//! The main operations with the AWS SDK for Rust, configured by nothing but the environment.
//!
//! The one argument is a name for the secret. Prints one JSON document, which the test that runs it checks;
//! the Go and Java programs beside it print the same one.

use std::error::Error;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Credentials;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use serde_json::{Value, json};

type Outcome = Result<Value, Box<dyn Error>>;

/// What an operation said when it failed, and whether the SDK has a type for it; null when it worked.
fn told<T, E: ProvideErrorMetadata>(outcome: Result<T, SdkError<E>>, expected: fn(&E) -> bool) -> Value {
    match outcome {
        Ok(_) => Value::Null,
        Err(error) => json!({
            "typed": error.as_service_error().is_some_and(expected),
            "code": error.code(),
            "message": error.message(),
            "status": error.raw_response().map(|response| response.status().as_u16()),
        }),
    }
}

/// Two versions, read by name, by version and by label, and the label moved back to the first.
async fn versions(secrets: &Client, name: &str) -> Outcome {
    let tag = Tag::builder().key("from").value("an SDK").build();
    let made = secrets.create_secret().name(name).secret_string("first").tags(tag).send().await?;
    let first = secrets.get_secret_value().secret_id(name).send().await?;
    let bytes = Blob::new([0, 255, 7]);
    let put = secrets.put_secret_value().secret_id(name).secret_binary(bytes).send().await?;
    let (old, new) = (made.version_id().unwrap_or_default(), put.version_id().unwrap_or_default());
    let second = secrets.get_secret_value().secret_id(name).version_id(new).send().await?;
    let described = secrets.describe_secret().secret_id(name).send().await?;
    let stages = described.version_ids_to_stages().ok_or("no stages")?;
    let move_back = secrets.update_secret_version_stage().secret_id(name).version_stage("AWSCURRENT");
    move_back.move_to_version_id(old).remove_from_version_id(new).send().await?;
    let previous = secrets.get_secret_value().secret_id(name).version_stage("AWSPREVIOUS").send().await?;
    let listed = secrets.list_secret_version_ids().secret_id(name).send().await?;
    Ok(json!({
        "arn": made.arn(),
        "first": first.secret_string(),
        "second": second.secret_binary().map(|it| it.as_ref().to_vec()),
        "created": described.created_date().map(|it| it.as_secs_f64()),
        "tags": described.tags().iter().map(|it| json!([it.key(), it.value()])).collect::<Vec<_>>(),
        "stages": [stages.get(old), stages.get(new)],
        "previousIsTheSecond": previous.version_id() == Some(new),
        "versions": listed.versions().len(),
    }))
}

/// The pages of a list, and a batch of which one secret is missing.
async fn many(secrets: &Client, name: &str) -> Outcome {
    for number in 1..=3 {
        secrets.create_secret().name(format!("{name}/{number}")).secret_string(number.to_string()).send().await?;
    }
    let below = Filter::builder().key(FilterNameStringType::Name).values(format!("{name}/")).build();
    let mut pages = secrets.list_secrets().filters(below).into_paginator().page_size(2).send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.push(page?.secret_list().iter().map(|it| json!(it.name())).collect::<Vec<_>>());
    }
    let (one, missing) = (format!("{name}/1"), format!("{name}/none"));
    let batch = secrets.batch_get_secret_value().secret_id_list(&one).secret_id_list(&missing).send().await?;
    Ok(json!({
        "pages": listed,
        "values": batch.secret_values().iter().map(|it| json!([it.name(), it.secret_string()])).collect::<Vec<_>>(),
        "errors": batch.errors().iter().map(|it| json!([it.secret_id(), it.error_code()])).collect::<Vec<_>>(),
    }))
}

/// Each error that the SDK has a type for, as it arrives, through a deletion and a restoration.
async fn errors(secrets: &Client, name: &str) -> Outcome {
    let exists = secrets.create_secret().name(name).secret_string("other").send().await;
    let contradictory = secrets.delete_secret().secret_id(name).recovery_window_in_days(7);
    let parameter = contradictory.force_delete_without_recovery(true).send().await;
    let deleted = secrets.delete_secret().secret_id(name).recovery_window_in_days(7).send().await?;
    let request = secrets.get_secret_value().secret_id(name).send().await;
    secrets.restore_secret().secret_id(name).send().await?;
    let restored = secrets.get_secret_value().secret_id(name).send().await?;
    secrets.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await?;
    let missing = secrets.get_secret_value().secret_id(name).send().await;
    Ok(json!({
        "exists": told(exists, CreateSecretError::is_resource_exists_exception),
        "parameter": told(parameter, DeleteSecretError::is_invalid_parameter_exception),
        "request": told(request, GetSecretValueError::is_invalid_request_exception),
        "missing": told(missing, GetSecretValueError::is_resource_not_found_exception),
        "deletionDate": deleted.deletion_date().map(|it| it.as_secs_f64()),
        "restored": restored.secret_string(),
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("give a name for the secret")?;
    let plain_http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(plain_http).load().await;
    let secrets = Client::new(&config);
    let wrong_keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "x".repeat(40), None, None, "test");
    let config = aws_sdk_secretsmanager::config::Builder::from(&config).credentials_provider(wrong_keys).build();
    let stranger = Client::from_conf(config).get_secret_value().secret_id(&name).send().await;
    let found = json!({
        "versions": versions(&secrets, &name).await?,
        "many": many(&secrets, &name).await?,
        "errors": errors(&secrets, &name).await?,
        "stranger": told(stranger, |_| false),
    });
    println!("{found}");
    Ok(())
}
