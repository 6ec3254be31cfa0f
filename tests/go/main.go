// The main operations with the AWS SDK for Go v2, configured by nothing but the environment.
//
// The one argument is a name for the secret. It prints one JSON document, which the test that runs it checks; the Java
// and Rust programs beside it print the same one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

type object = map[string]any

// told is what an operation said when it failed, and whether it came as the SDK's type E for it; nil when it worked.
func told[E error](failure error) any {
	if failure == nil {
		return nil
	}
	var expected E
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(failure, &api) || !errors.As(failure, &response) {
		return failure.Error()
	}
	return object{
		"typed":   errors.As(failure, &expected),
		"code":    api.ErrorCode(),
		"message": api.ErrorMessage(),
		"status":  response.HTTPStatusCode(),
	}
}

// must ends the program when a call that has to work did not.
func must[T any](answer T, failure error) T {
	if failure != nil {
		log.Fatal(failure)
	}
	return answer
}

// versions makes two versions, reads them by name, by version and by label, and moves the label back to the first.
func versions(ctx context.Context, secrets *secretsmanager.Client, name *string) object {
	made := must(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:         name,
		SecretString: aws.String("first"),
		Tags:         []types.Tag{{Key: aws.String("from"), Value: aws.String("an SDK")}},
	}))
	first := must(secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name}))
	put := must(secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:     name,
		SecretBinary: []byte{0, 255, 7},
	}))
	second := must(secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:  name,
		VersionId: put.VersionId,
	}))
	described := must(secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name}))
	must(secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId:            name,
		VersionStage:        aws.String("AWSCURRENT"),
		MoveToVersionId:     made.VersionId,
		RemoveFromVersionId: put.VersionId,
	}))
	previous := must(secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     name,
		VersionStage: aws.String("AWSPREVIOUS"),
	}))
	listed := must(secrets.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: name}))
	bytes := []int{}
	for _, each := range second.SecretBinary {
		bytes = append(bytes, int(each))
	}
	tags := [][]string{}
	for _, tag := range described.Tags {
		tags = append(tags, []string{*tag.Key, *tag.Value})
	}
	return object{
		"arn":                 made.ARN,
		"first":               first.SecretString,
		"second":              bytes,
		"created":             float64(described.CreatedDate.UnixMilli()) / 1000,
		"tags":                tags,
		"stages":              []any{described.VersionIdsToStages[*made.VersionId], described.VersionIdsToStages[*put.VersionId]},
		"previousIsTheSecond": *previous.VersionId == *put.VersionId,
		"versions":            len(listed.Versions),
	}
}

// many reads the pages of a list, and a batch of which one secret is missing.
func many(ctx context.Context, secrets *secretsmanager.Client, name *string) object {
	for number := 1; number <= 3; number++ {
		must(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name:         aws.String(fmt.Sprintf("%s/%d", *name, number)),
			SecretString: aws.String(strconv.Itoa(number)),
		}))
	}
	below := types.Filter{Key: types.FilterNameStringTypeName, Values: []string{*name + "/"}}
	pages := secretsmanager.NewListSecretsPaginator(
		secrets,
		&secretsmanager.ListSecretsInput{Filters: []types.Filter{below}},
		func(options *secretsmanager.ListSecretsPaginatorOptions) { options.Limit = 2 },
	)
	listed := [][]string{}
	for pages.HasMorePages() {
		names := []string{}
		for _, secret := range must(pages.NextPage(ctx)).SecretList {
			names = append(names, *secret.Name)
		}
		listed = append(listed, names)
	}
	batch := must(secrets.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{
		SecretIdList: []string{*name + "/1", *name + "/none"},
	}))
	values, missing := [][]string{}, [][]string{}
	for _, secret := range batch.SecretValues {
		values = append(values, []string{*secret.Name, *secret.SecretString})
	}
	for _, failure := range batch.Errors {
		missing = append(missing, []string{*failure.SecretId, *failure.ErrorCode})
	}
	return object{"pages": listed, "values": values, "errors": missing}
}

// failures shows each error that the SDK has a type for, as it arrives, through a deletion and a restoration.
func failures(ctx context.Context, secrets *secretsmanager.Client, name *string) object {
	read := &secretsmanager.GetSecretValueInput{SecretId: name}
	_, exists := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:         name,
		SecretString: aws.String("other"),
	})
	_, parameter := secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId:                   name,
		RecoveryWindowInDays:       aws.Int64(7),
		ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	deleted := must(secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId:             name,
		RecoveryWindowInDays: aws.Int64(7),
	}))
	_, request := secrets.GetSecretValue(ctx, read)
	must(secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: name}))
	restored := must(secrets.GetSecretValue(ctx, read))
	must(secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId:                   name,
		ForceDeleteWithoutRecovery: aws.Bool(true),
	}))
	_, missing := secrets.GetSecretValue(ctx, read)
	return object{
		"exists":       told[*types.ResourceExistsException](exists),
		"parameter":    told[*types.InvalidParameterException](parameter),
		"request":      told[*types.InvalidRequestException](request),
		"missing":      told[*types.ResourceNotFoundException](missing),
		"deletionDate": float64(deleted.DeletionDate.UnixMilli()) / 1000,
		"restored":     restored.SecretString,
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("give a name for the secret")
	}
	name := aws.String(os.Args[1])
	ctx := context.Background()
	settings := must(config.LoadDefaultConfig(ctx))
	secrets := secretsmanager.NewFromConfig(settings)
	wrongKeys := credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", strings.Repeat("x", 40), "")
	settings.Credentials = aws.NewCredentialsCache(wrongKeys)
	_, stranger := secretsmanager.NewFromConfig(settings).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	found := object{
		"versions": versions(ctx, secrets, name),
		"many":     many(ctx, secrets, name),
		"errors":   failures(ctx, secrets, name),
		"stranger": told[*types.ResourceNotFoundException](stranger),
	}
	if failure := json.NewEncoder(os.Stdout).Encode(found); failure != nil {
		log.Fatal(failure)
	}
}
