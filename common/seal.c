#include "common/seal.h"

#include "common/keys.h"

#include <sodium.h>
#include <string.h>

_Static_assert(SEAL_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash-2-4");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "SipHash-2-4");

void seal_key_make(struct seal_key *ret, const char *secret)
{
    static const char what[] = "vedette: seals of jobs, 1"; /* nothing else of the key is of this use */
    uint8_t bytes[KEY_BYTES];
    key_to_bytes(secret, bytes);
    crypto_generichash(ret->bytes, sizeof ret->bytes, (const uint8_t *)what, sizeof what - 1, bytes,
                       sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    ret->is_set = true;
}

static void put(uint8_t **at, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        *(*at)++ = (uint8_t)(number >> 8 * i);
}

uint64_t seal_make(const struct seal_key *k, uint64_t job_id, const struct run *run)
{
    uint8_t text[4 * 8 + LOCATION_SIZE] = { 0 }, *at = text, hash[8];
    uint64_t seal = 0;
    put(&at, job_id);
    put(&at, run->site_id);
    put(&at, (uint64_t)run->slot_us);
    put(&at, run->look);
    memcpy(at, run->location, strnlen(run->location, LOCATION_SIZE));
    crypto_shorthash(hash, text, sizeof text, k->bytes);
    for (int i = 0; i < 8; i++)
        seal |= (uint64_t)hash[i] << 8 * i;
    return seal ? seal : 1;
}

bool seal_is_right(const struct seal_key *k, uint64_t seal, uint64_t job_id, const struct run *run)
{
    uint64_t right = seal_make(k, job_id, run);
    return k->is_set && sodium_memcmp(&right, &seal, sizeof right) == 0;
}
