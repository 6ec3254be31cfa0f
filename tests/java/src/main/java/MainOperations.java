import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.Filter;
import software.amazon.awssdk.services.secretsmanager.model.InvalidParameterException;
import software.amazon.awssdk.services.secretsmanager.model.InvalidRequestException;
import software.amazon.awssdk.services.secretsmanager.model.ListSecretsRequest;
import software.amazon.awssdk.services.secretsmanager.model.ResourceExistsException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;
import software.amazon.awssdk.services.secretsmanager.model.SecretListEntry;
import software.amazon.awssdk.services.secretsmanager.model.Tag;

/**
 * The main operations with the AWS SDK for Java v2, configured by nothing but the environment.
 *
 * <p>The one argument is a name for the secret. It prints one JSON document, which the test that runs it checks; the Go
 * and Rust programs beside it print the same one.
 */
public final class MainOperations {
  private final SecretsManagerClient secrets;
  private final String name;

  private MainOperations(SecretsManagerClient secrets, String name) {
    this.secrets = secrets;
    this.name = name;
  }

  /** Two versions, read by name, by version and by label, and the label moved back to the first. */
  private Map<String, Object> versions() {
    var tag = Tag.builder().key("from").value("an SDK").build();
    var made = secrets.createSecret(it -> it.name(name).secretString("first").tags(tag));
    var first = secrets.getSecretValue(it -> it.secretId(name));
    var bytes = SdkBytes.fromByteArray(new byte[] {0, (byte) 255, 7});
    var put = secrets.putSecretValue(it -> it.secretId(name).secretBinary(bytes));
    var second = secrets.getSecretValue(it -> it.secretId(name).versionId(put.versionId()));
    var described = secrets.describeSecret(it -> it.secretId(name));
    var stages = described.versionIdsToStages();
    secrets.updateSecretVersionStage(
        it ->
            it.secretId(name)
                .versionStage("AWSCURRENT")
                .moveToVersionId(made.versionId())
                .removeFromVersionId(put.versionId()));
    var previous = secrets.getSecretValue(it -> it.secretId(name).versionStage("AWSPREVIOUS"));
    var listed = secrets.listSecretVersionIds(it -> it.secretId(name));
    List<Integer> octets = new ArrayList<>();
    for (byte each : second.secretBinary().asByteArray()) {
      octets.add(each & 0xff);
    }
    var found = new LinkedHashMap<String, Object>();
    found.put("arn", made.arn());
    found.put("first", first.secretString());
    found.put("second", octets);
    found.put("created", seconds(described.createdDate()));
    found.put("tags", described.tags().stream().map(it -> List.of(it.key(), it.value())).toList());
    found.put("stages", List.of(stages.get(made.versionId()), stages.get(put.versionId())));
    found.put("previousIsTheSecond", previous.versionId().equals(put.versionId()));
    found.put("versions", listed.versions().size());
    return found;
  }

  /** The pages of a list, and a batch of which one secret is missing. */
  private Map<String, Object> many() {
    for (int number = 1; number <= 3; number++) {
      var value = Integer.toString(number);
      secrets.createSecret(it -> it.name(name + "/" + value).secretString(value));
    }
    var below = Filter.builder().key("name").values(name + "/").build();
    var pages = secrets.listSecretsPaginator(ListSecretsRequest.builder().filters(below).maxResults(2).build());
    var batch = secrets.batchGetSecretValue(it -> it.secretIdList(name + "/1", name + "/none"));
    var found = new LinkedHashMap<String, Object>();
    found.put("pages", pages.stream().map(it -> it.secretList().stream().map(SecretListEntry::name).toList()).toList());
    found.put("values", batch.secretValues().stream().map(it -> List.of(it.name(), it.secretString())).toList());
    found.put("errors", batch.errors().stream().map(it -> List.of(it.secretId(), it.errorCode())).toList());
    return found;
  }

  /** Each error that the SDK has a type for, as it arrives, through a deletion and a restoration. */
  private Map<String, Object> errors() {
    Runnable read = () -> secrets.getSecretValue(it -> it.secretId(name));
    Runnable createAgain = () -> secrets.createSecret(it -> it.name(name).secretString("other"));
    Runnable contradict =
        () -> secrets.deleteSecret(it -> it.secretId(name).recoveryWindowInDays(7L).forceDeleteWithoutRecovery(true));
    var found = new LinkedHashMap<String, Object>();
    found.put("exists", told(ResourceExistsException.class, createAgain));
    found.put("parameter", told(InvalidParameterException.class, contradict));
    var deleted = secrets.deleteSecret(it -> it.secretId(name).recoveryWindowInDays(7L));
    found.put("request", told(InvalidRequestException.class, read));
    secrets.restoreSecret(it -> it.secretId(name));
    var restored = secrets.getSecretValue(it -> it.secretId(name));
    secrets.deleteSecret(it -> it.secretId(name).forceDeleteWithoutRecovery(true));
    found.put("missing", told(ResourceNotFoundException.class, read));
    found.put("deletionDate", seconds(deleted.deletionDate()));
    found.put("restored", restored.secretString());
    return found;
  }

  /** What an operation said when it failed, and whether it came as the class expected; null when it worked. */
  private static Map<String, Object> told(Class<? extends AwsServiceException> expected, Runnable operation) {
    try {
      operation.run();
    } catch (AwsServiceException failure) {
      var found = new LinkedHashMap<String, Object>();
      found.put("typed", expected.isInstance(failure));
      found.put("code", failure.awsErrorDetails().errorCode());
      found.put("message", failure.awsErrorDetails().errorMessage());
      found.put("status", failure.statusCode());
      return found;
    }
    return null;
  }

  private static double seconds(Instant moment) {
    return moment.toEpochMilli() / 1000.0;
  }

  /** JSON of maps, lists, texts, numbers and booleans; texts here hold no control characters. */
  private static String json(Object value) {
    if (value instanceof Map<?, ?> map) {
      List<String> members = new ArrayList<>();
      map.forEach((key, member) -> members.add(json(key) + ":" + json(member)));
      return "{" + String.join(",", members) + "}";
    }
    if (value instanceof List<?> list) {
      return "[" + String.join(",", list.stream().map(MainOperations::json).toList()) + "]";
    }
    if (value instanceof String text) {
      return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
    return String.valueOf(value);
  }

  public static void main(String[] arguments) {
    var name = arguments[0];
    var wrongKeys = AwsBasicCredentials.create("AKIAIOSFODNN7EXAMPLE", "x".repeat(40));
    var found = new LinkedHashMap<String, Object>();
    try (var secrets = SecretsManagerClient.create();
        var stranger =
            SecretsManagerClient.builder()
                .credentialsProvider(StaticCredentialsProvider.create(wrongKeys))
                .build()) {
      var program = new MainOperations(secrets, name);
      found.put("versions", program.versions());
      found.put("many", program.many());
      found.put("errors", program.errors());
      Runnable read = () -> stranger.getSecretValue(it -> it.secretId(name));
      found.put("stranger", told(ResourceNotFoundException.class, read));
    }
    System.out.println(json(found));
  }
}
