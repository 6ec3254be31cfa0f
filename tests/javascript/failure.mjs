/** What a promise was refused with: the error's name, text and class, and the HTTP status; null when it was kept. */
export async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return {
      name: error.name,
      class: error.constructor.name,
      message: error.message,
      status: error.$metadata?.httpStatusCode,
    };
  }
  return null;
}
