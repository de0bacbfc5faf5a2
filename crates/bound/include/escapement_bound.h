/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How far off the system clock may be: a reader of the page that phc-sync writes (error_bound_page), in one header.
 * The layout is version 2 of ClockBound's shared memory. Reading is no system call (clock_gettime is answered in user space).
 *
 *     struct escapement_bound_page page;
 *     struct escapement_bound now;
 *     if (escapement_bound_open(&page, NULL) == 0 && escapement_bound_now(&page, &now) == 0
 *         && now.status == ESCAPEMENT_BOUND_SYNCHRONIZED)
 *             ... UTC is between now.earliest and now.latest
 */
#ifndef ESCAPEMENT_BOUND_H
#define ESCAPEMENT_BOUND_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ESCAPEMENT_BOUND_PATH "/var/run/clockbound/shm0"

enum escapement_bound_status {
	ESCAPEMENT_BOUND_UNKNOWN = 0,      /* nothing is known: the bound does not hold */
	ESCAPEMENT_BOUND_SYNCHRONIZED = 1, /* the clock follows its source */
	ESCAPEMENT_BOUND_FREE_RUNNING = 2, /* it lost its source; the bound grows */
	ESCAPEMENT_BOUND_DISRUPTED = 3     /* it jumped: the bound does not hold */
};

/* The page, 80 octets in the machine's byte order. */
struct escapement_bound_layout {
	uint32_t magic[2];
	uint32_t size;
	uint16_t version;
	uint16_t generation; /* odd: being written; 0: nothing was written yet */
	int64_t as_of[2];    /* CLOCK_MONOTONIC_COARSE: s, ns */
	int64_t void_after[2];
	int64_t bound_ns;
	uint64_t disruption_marker;
	uint32_t max_drift_ppb;
	uint32_t status;
	uint8_t disruption_support;
	uint8_t padding[7];
};

struct escapement_bound_page {
	const struct escapement_bound_layout *at;
};

struct escapement_bound {
	struct timespec earliest; /* UTC is not before this, */
	struct timespec latest;   /* nor after this */
	int64_t bound_ns;         /* half of the distance between them */
	enum escapement_bound_status status;
};

static inline void escapement_bound_close(struct escapement_bound_page *page)
{
	if (page->at)
		munmap((void *)(uintptr_t)page->at, sizeof(*page->at));
	page->at = NULL;
}

/* 0, or -1 with errno: that of open and mmap; EPROTO: it is no such page. A page that nobody wrote to yet is opened.
 * path NULL: the usual one. */
static inline int escapement_bound_open(struct escapement_bound_page *page, const char *path)
{
	struct stat st;
	void *at;
	int fd = open(path ? path : ESCAPEMENT_BOUND_PATH, O_RDONLY | O_CLOEXEC);

	page->at = NULL;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*page->at)) {
		close(fd);
		errno = EPROTO;
		return -1;
	}
	at = mmap(NULL, sizeof(*page->at), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -1;
	page->at = (const struct escapement_bound_layout *)at;
	return 0;
}

static inline int64_t escapement_bound_ns_(const int64_t t[2])
{
	return t[0] * INT64_C(1000000000) + t[1];
}

static inline struct timespec escapement_bound_add_(struct timespec t, int64_t ns)
{
	int64_t rest = t.tv_nsec + ns % INT64_C(1000000000);

	t.tv_sec += (time_t)(ns / INT64_C(1000000000));
	if (rest < 0) {
		rest += INT64_C(1000000000);
		t.tv_sec -= 1;
	} else if (rest >= INT64_C(1000000000)) {
		rest -= INT64_C(1000000000);
		t.tv_sec += 1;
	}
	t.tv_nsec = (long)rest;
	return t;
}

/* 0, or -1 with errno: EAGAIN: nothing was written yet, or it is being written without end; EPROTO: it is no such page;
 * ERANGE: it is from the future (of another boot). */
static inline int escapement_bound_now(const struct escapement_bound_page *page, struct escapement_bound *out)
{
	const volatile struct escapement_bound_layout *at = page->at;
	struct escapement_bound_layout copy;
	struct timespec real, mono;
	int64_t now, age;
	unsigned long tries;
	uint16_t before;

	for (tries = 0;; tries++) {
		if (tries == 1000000) {
			errno = EAGAIN;
			return -1;
		}
		before = __atomic_load_n(&page->at->generation, __ATOMIC_ACQUIRE);
		if (before == 0) {
			errno = EAGAIN;
			return -1;
		}
		if (before & 1)
			continue;
		copy.magic[0] = at->magic[0];
		copy.magic[1] = at->magic[1];
		copy.version = at->version;
		copy.as_of[0] = at->as_of[0];
		copy.as_of[1] = at->as_of[1];
		copy.void_after[0] = at->void_after[0];
		copy.void_after[1] = at->void_after[1];
		copy.bound_ns = at->bound_ns;
		copy.max_drift_ppb = at->max_drift_ppb;
		copy.status = at->status;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&page->at->generation, __ATOMIC_RELAXED) == before)
			break;
	}
	if (copy.magic[0] != UINT32_C(0x414D5A4E) || copy.magic[1] != UINT32_C(0x43420200) || copy.version != 2
	    || copy.max_drift_ppb >= UINT32_C(1000000000)) {
		errno = EPROTO;
		return -1;
	}
	/* The monotonic clock last: a pause in between makes the bound wider, and stays right. */
	if (clock_gettime(CLOCK_REALTIME, &real) < 0 || clock_gettime(CLOCK_MONOTONIC_COARSE, &mono) < 0)
		return -1;
	now = (int64_t)mono.tv_sec * INT64_C(1000000000) + mono.tv_nsec;
	age = now - escapement_bound_ns_(copy.as_of);
	if (age < -INT64_C(10000000)) {
		errno = ERANGE;
		return -1;
	}
	if (age < 0)
		age = 0;
	out->status = copy.status <= 3 ? (enum escapement_bound_status)copy.status : ESCAPEMENT_BOUND_UNKNOWN;
	/* A restart of phc-sync is not noticed within five seconds. */
	if ((out->status == ESCAPEMENT_BOUND_SYNCHRONIZED || out->status == ESCAPEMENT_BOUND_FREE_RUNNING)
	    && age >= INT64_C(5000000000))
		out->status = now < escapement_bound_ns_(copy.void_after) ? ESCAPEMENT_BOUND_FREE_RUNNING
		                                                          : ESCAPEMENT_BOUND_UNKNOWN;
	out->bound_ns = copy.bound_ns + (int64_t)((double)age * 1e-9 * (double)copy.max_drift_ppb);
	out->earliest = escapement_bound_add_(real, -out->bound_ns);
	out->latest = escapement_bound_add_(real, out->bound_ns);
	return 0;
}

#endif
