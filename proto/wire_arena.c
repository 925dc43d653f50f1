/* How an arena works
 *
 * One block of a fixed size, taken at the start and given to the library as its
 * allocator: taking moves a mark, releasing does nothing, the next message
 * begins at the bottom again. So a stranger's message can cost at most the
 * block, however many empty members it lists, and a steady stream of messages
 * costs no allocation at all. Pages that no message ever reached are never
 * touched and cost nothing.
 *
 * Each piece has its size in front of it. The library asks for exactly a
 * string's bytes and a terminator, which is how wire_length knows that a string
 * had a NUL inside. Under the address sanitizer everything above the mark is
 * poisoned: whoever keeps what a former message handed out is found.
 */
#include "proto/wire_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WIRE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WIRE_ASAN 1
#endif
#ifdef WIRE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define ALIGN 8

struct wire_arena {
    ProtobufCAllocator allocator;
    uint8_t *memory;
    size_t used;
    bool full; /* something did not fit since the last reset */
};

static void *take(void *arena, size_t size)
{
    struct wire_arena *a = arena;
    size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);

    if (size > WIRE_ARENA_BYTES || sizeof(size_t) + rounded > WIRE_ARENA_BYTES - a->used) {
        a->full = true;
        return NULL;
    }
    uint8_t *at = a->memory + a->used;
    ASAN_UNPOISON_MEMORY_REGION(at, sizeof(size_t) + size);
    memcpy(at, &size, sizeof size);
    a->used += sizeof size + rounded;
    return at + sizeof size;
}

static void keep(void *arena, void *piece)
{
    (void)arena;
    (void)piece; /* everything goes at the next reset */
}

static void reset(struct wire_arena *a)
{
    ASAN_POISON_MEMORY_REGION(a->memory, WIRE_ARENA_BYTES);
    a->used = 0;
    a->full = false;
}

int wire_arena_new(struct wire_arena **ret)
{
    scoped(wire_arena) struct wire_arena *a = calloc(1, sizeof *a);
    if (!a || !(a->memory = malloc(WIRE_ARENA_BYTES)))
        return -ENOMEM;

    a->allocator = (ProtobufCAllocator){ .alloc = take, .free = keep, .allocator_data = a };
    reset(a);
    *ret = moved(a);
    return 0;
}

void wire_arena_free(struct wire_arena *a)
{
    if (!a)
        return;
    if (a->memory)
        ASAN_UNPOISON_MEMORY_REGION(a->memory, WIRE_ARENA_BYTES);
    free(a->memory);
    free(a);
}

int wire_array(struct wire_arena *a, size_t n, size_t size, void *ret, struct err *err)
{
    void *at = take(a, n * size);
    if (!at)
        return err_set(err, -EMSGSIZE, "the message unfolds to more than %u bytes", WIRE_ARENA_BYTES);
    memcpy(ret, &at, sizeof at);
    return 0;
}

size_t wire_length(const char *unpacked)
{
    if (unpacked == protobuf_c_empty_string)
        return 0;
    size_t size;
    memcpy(&size, unpacked - sizeof size, sizeof size);
    return memchr(unpacked, '\0', size - 1) ? SIZE_MAX : size - 1;
}

/* A newer major may have changed anything but the two numbers, so a message that
 * does not unpack as its kind is asked for them alone. */
static uint32_t major_alone(struct wire_arena *a, const void *bytes, size_t len)
{
    reset(a);
    Vedette__V1__Version *v = vedette__v1__version__unpack(&a->allocator, len, bytes);
    return v ? v->major : 0;
}

static int too_new(uint32_t major, const char *kind, struct err *err)
{
    return err_set(err, -EPROTO,
                   "a %s of protocol version %u came, this program speaks version %d.%d: upgrade it first",
                   kind, major, WIRE_MAJOR, WIRE_MINOR);
}

int wire_take(struct wire_arena *a, const ProtobufCMessageDescriptor *kind, const void *bytes, size_t len,
              ProtobufCMessage **ret, struct err *err)
{
    const char *name = kind->short_name;
    if (len > WIRE_MAX_BYTES)
        return err_set(err, -EMSGSIZE, "a %s of %zu bytes is longer than %d", name, len, WIRE_MAX_BYTES);

    reset(a);
    ProtobufCMessage *m = protobuf_c_message_unpack(kind, &a->allocator, len, bytes);
    bool full = a->full;
    uint32_t major;
    if (m)
        memcpy(&major, (const uint8_t *)m + kind->fields[0].offset, sizeof major);
    else
        major = major_alone(a, bytes, len);

    if (major > WIRE_MAJOR)
        return too_new(major, name, err);
    if (full)
        return err_set(err, -EMSGSIZE, "a %s unfolds to more than %u bytes", name, WIRE_ARENA_BYTES);
    if (!m)
        return err_set(err, -EBADMSG, "%zu bytes are no %s", len, name);
    if (major == 0)
        return err_set(err, -EBADMSG, "a %s without a version came", name);
    *ret = m;
    return 0;
}
