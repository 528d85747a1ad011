/* Keys to labels: once for each series that is new, so that care comes before speed. */
#include "decimal.h"
#include "text_key.h"

enum { FEW = 16 };

typedef struct {
    const uint8_t *body;
    obs_text_labels_out *out;
    size_t first, last; /* the pairs of this key */
    int32_t kind;
} label_writer;

/* Whether labels of this name are written anew in keys of this kind. */
static bool is_normalised(int32_t kind, const uint8_t *name, size_t length)
{
    switch (kind & ~1) {
    case OBS_TEXT_LE:
        return length == 2 && !memcmp(name, "le", 2);
    case OBS_TEXT_QUANTILE:
        return length == 8 && !memcmp(name, "quantile", 8);
    default:
        return false;
    }
}

/* `\\`, `\"` and `\n` stand for a byte; another backslash for itself. */
static bool put_unescaped(obs_text_labels_out *out, const uint8_t *text, size_t length)
{
    if (length > out->text_capacity - out->n_text)
        return false;
    uint8_t *to = out->text + out->n_text;
    if (!memchr(text, '\\', length)) {
        memcpy(to, text, length);
        out->n_text += length;
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = text[i];
        if (byte == '\\' && i + 1 < length && (text[i + 1] == '\\' || text[i + 1] == '"' || text[i + 1] == 'n'))
            byte = text[++i] == 'n' ? '\n' : text[i];
        *to++ = byte;
    }
    out->n_text = (size_t)(to - out->text);
    return true;
}

/* The value just written, if it is a bucket's bound or a quantile: the same number always in the same words. */
static bool normalise(label_writer *writer, size_t pair)
{
    obs_text_labels_out *out = writer->out;
    if (!is_normalised(writer->kind, out->text + out->name_start[pair], (size_t)out->name_length[pair]))
        return true;
    double value;
    size_t used, start = (size_t)out->value_start[pair], length = (size_t)out->value_length[pair];
    if (obs_decimal_read(out->text + start, length, &value, &used) != OBS_DECIMAL_OK || used != length)
        return true;
    uint8_t text[32];
    size_t written = obs_decimal_write(value, text);
    if (written > out->text_capacity - start)
        return false;
    memcpy(out->text + start, text, written);
    out->value_length[pair] = (int32_t)written;
    out->n_text = start + written;
    return true;
}

static bool put_pair(label_writer *writer, const uint8_t *name, size_t name_length, const uint8_t *value,
                     size_t value_length)
{
    obs_text_labels_out *out = writer->out;
    size_t pair = writer->last;
    if (pair == out->pairs_capacity)
        return false;
    out->name_start[pair] = (int64_t)out->n_text;
    if (!put_unescaped(out, name, name_length))
        return false;
    out->value_start[pair] = (int64_t)out->n_text;
    out->name_length[pair] = (int32_t)(out->value_start[pair] - out->name_start[pair]);
    if (!put_unescaped(out, value, value_length))
        return false;
    out->value_length[pair] = (int32_t)((int64_t)out->n_text - out->value_start[pair]);
    writer->last++;
    return normalise(writer, pair);
}

/* ---- order ------------------------------------------------------------------------------------------------------ */

static int compare(const obs_text_labels_out *out, size_t a, size_t b)
{
    size_t n = (size_t)out->name_length[a], m = (size_t)out->name_length[b], least = n < m ? n : m;
    int order = memcmp(out->text + out->name_start[a], out->text + out->name_start[b], least);
    return order ? order : n < m ? -1 : n > m;
}

static void move_pair(obs_text_labels_out *out, size_t to, size_t from)
{
    out->name_start[to] = out->name_start[from];
    out->name_length[to] = out->name_length[from];
    out->value_start[to] = out->value_start[from];
    out->value_length[to] = out->value_length[from];
}

static void swap(obs_text_labels_out *out, size_t a, size_t b)
{
    int64_t name = out->name_start[a], value = out->value_start[a];
    int32_t name_length = out->name_length[a], value_length = out->value_length[a];
    move_pair(out, a, b);
    out->name_start[b] = name;
    out->name_length[b] = name_length;
    out->value_start[b] = value;
    out->value_length[b] = value_length;
}

static void sift_down(obs_text_labels_out *out, size_t first, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare(out, first + child, first + child + 1) < 0)
            child++;
        if (compare(out, first + root, first + child) >= 0)
            return;
        swap(out, first + root, first + child);
    }
}

/* Few pairs by insertion, mostly in order as they are; many, which nobody sends in good faith, by a heap. */
static void sort(obs_text_labels_out *out, size_t first, size_t last)
{
    size_t n = last - first;
    if (n <= FEW) {
        for (size_t i = first + 1; i < last; i++)
            for (size_t j = i; j > first && compare(out, j - 1, j) > 0; j--)
                swap(out, j - 1, j);
        return;
    }
    for (size_t root = n / 2; root-- > 0;)
        sift_down(out, first, root, n);
    for (size_t left = n; left-- > 1;) {
        swap(out, first, first + left);
        sift_down(out, first, 0, left);
    }
}

/* In order, each name once, without empty values. False if a name comes twice. */
static bool settle(label_writer *writer)
{
    obs_text_labels_out *out = writer->out;
    sort(out, writer->first, writer->last);
    for (size_t i = writer->first; i + 1 < writer->last; i++)
        if (compare(out, i, i + 1) == 0)
            return false;
    size_t to = writer->first;
    for (size_t i = writer->first; i < writer->last; i++)
        if (out->value_length[i])
            move_pair(out, to++, i);
    writer->last = to;
    return true;
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static obs_status fail(obs_text_outcome *outcome, int32_t error, size_t at)
{
    outcome->error = error;
    outcome->offset = at;
    return OBS_CORRUPT;
}

static obs_status read_key(label_writer *writer, size_t start, size_t end, obs_text_outcome *outcome)
{
    static const uint8_t NAME[] = "__name__";
    bool is_exemplar = (writer->kind & ~1) == OBS_TEXT_EXEMPLAR, is_open = writer->kind & OBS_TEXT_OPENMETRICS;
    const uint8_t *body = writer->body;
    text_key key = obs_text_begin_key(body, end, start, is_open, is_exemplar);
    text_pair pair;
    while (obs_text_next_pair(&key, &pair))
        if (!put_pair(writer, body + pair.name_start, pair.name_end - pair.name_start, body + pair.value_start,
                      pair.value_end - pair.value_start))
            return OBS_NO_SPACE;
    if (key.error || key.at != end)
        return fail(outcome, key.error ? key.error : OBS_TEXT_BAD_VALUE, key.at);
    if (!is_exemplar && !put_pair(writer, NAME, sizeof NAME - 1, body + key.name_start, key.name_end - key.name_start))
        return OBS_NO_SPACE;
    return settle(writer) ? OBS_OK : fail(outcome, OBS_TEXT_SAME_LABEL, start);
}

obs_status obs_text_labels(const uint8_t *body, size_t size, const int64_t *starts, const int32_t *lengths,
                           const uint8_t *kinds, size_t n, obs_text_labels_out *out, obs_text_outcome *outcome)
{
    *outcome = (obs_text_outcome){0, OBS_TEXT_FINE, 0, 0, 0, 0};
    label_writer writer = {body, out, 0, 0, 0};
    out->n_text = 0;
    out->offsets[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 0 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        size_t start = (size_t)starts[i];
        writer.kind = kinds[i];
        writer.first = writer.last;
        obs_status status = read_key(&writer, start, start + (size_t)lengths[i], outcome);
        if (status != OBS_OK)
            return status;
        out->offsets[i + 1] = (int64_t)writer.last;
    }
    return OBS_OK;
}
