/* Whatever is said to be a token is refused with a sentence, or is the token that it
 * would be written as. The check sum is made right, so that what is behind it is
 * reached. */
/* libFuzzer: -max_len=2400 */
#include "common/token.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[2500], sum[crypto_generichash_BYTES_MIN];
    char text[3600], again[TOKEN_SIZE];
    struct token t;
    struct err err = { 0 };
    if (size > 2400)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    crypto_generichash(sum, sizeof sum, bytes, size, NULL, 0);
    memcpy(bytes + size, sum, 8);
    sodium_bin2base64(text, sizeof text, bytes, size + 8, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    int r = token_read(text, &t, &err);
    if (r < 0 && err.code == r && err.text[0])
        return 0;
    if (r != 0 || token_write(&t, again, &err) < 0 || strcmp(text, again) != 0)
        abort();
    return 0;
}
