/* What every kernel returns.
 *
 * A kernel never allocates (but for what its threads share, parallel.c), prints, aborts, or keeps state: the caller owns all
 * memory and gets one of these back. Each is safe in one step: bytes and lengths are checked where they are used, and there
 * is no separate validation to forget.
 */
#ifndef OBSFLOW_STATUS_H
#define OBSFLOW_STATUS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OBS_OK = 0,
    OBS_TRUNCATED, /* the bytes end inside a value */
    OBS_NO_SPACE,  /* an array of the caller is too small; nothing past its end was written */
    OBS_CORRUPT,   /* the bytes contradict their format */
    OBS_INVALID    /* arguments that contradict one another, such as a range outside its buffer */
} obs_status;

#endif
