#include "collector/signature.h"

#include <sodium.h>
#include <string.h>

void signature_v1(char ret[SIGNATURE_SIZE], const char *secret, const char *timestamp, const void *body,
                  size_t len)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp, strlen(timestamp));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
    crypto_auth_hmacsha256_update(&state, body, len);
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(ret, "v1=", 3);
    sodium_bin2hex(ret + 3, SIGNATURE_SIZE - 3, mac, sizeof mac);
    sodium_memzero(&state, sizeof state);
}
