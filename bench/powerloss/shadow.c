/* Preloaded into PostgreSQL: keeps, below SHADOW_COPY, a copy of each file below SHADOW_OF as of its last fsync.
 *
 * fsync and fdatasync of a file copy its content to the same path of the copy; fsync of a directory brings the names in
 * it up to date: what was renamed away or deleted goes, what is new and was never synced is empty. What was written and
 * not synced is not in the copy. SHADOW_LOCK is held meanwhile, so that whoever holds it sees a moment. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 262144

static void die(const char *what) {
    fprintf(stderr, "shadow: %s: %s\n", what, strerror(errno));
    abort(); /* a copy that is not complete would prove nothing */
}

static int retried_open(const char *path, int flags) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, 0600); while (fd < 0 && errno == EINTR);
    return fd;
}

static void make_parents(char *path) {
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        if (mkdir(path, 0700) && errno != EEXIST) die(path);
        *p = '/';
    }
}

static void copy_file(const char *from, char *to) {
    static __thread char buffer[CHUNK];
    make_parents(to);
    int in = retried_open(from, O_RDONLY), out = retried_open(to, O_WRONLY | O_CREAT);
    if (in < 0 || out < 0) die(to);
    off_t at = 0;
    for (;;) {
        ssize_t got = pread(in, buffer, CHUNK, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) die(from);
        if (got == 0) break;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = pwrite(out, buffer + done, got - done, at + done);
            if (put < 0 && errno == EINTR) continue;
            if (put <= 0) die(to);
            done += put;
        }
        at += got;
    }
    if (ftruncate(out, at)) die(to);
    close(in);
    close(out);
}

static void copy_names(const char *from, const char *to) {
    char one[PATH_MAX], other[PATH_MAX];
    struct dirent *entry;
    struct stat found;
    DIR *names = opendir(to);
    while (names && (entry = readdir(names))) {
        snprintf(one, PATH_MAX, "%s/%s", from, entry->d_name);
        snprintf(other, PATH_MAX, "%s/%s", to, entry->d_name);
        if (lstat(one, &found) && errno == ENOENT && !lstat(other, &found) && S_ISREG(found.st_mode)) unlink(other);
    }
    if (names) closedir(names);
    names = opendir(from);
    while (names && (entry = readdir(names))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(one, PATH_MAX, "%s/%s", from, entry->d_name);
        snprintf(other, PATH_MAX, "%s/%s", to, entry->d_name);
        if (lstat(one, &found) || !access(other, F_OK)) continue;
        make_parents(other);
        if (S_ISDIR(found.st_mode)) mkdir(other, 0700);
        if (S_ISREG(found.st_mode)) close(retried_open(other, O_WRONLY | O_CREAT));
    }
    if (names) closedir(names);
}

static void copy(int fd) {
    const char *data = getenv("SHADOW_OF"), *shadow = getenv("SHADOW_COPY"), *locked = getenv("SHADOW_LOCK");
    char link[64], path[PATH_MAX], to[PATH_MAX];
    struct stat found;
    if (!data || !shadow || !locked || fstat(fd, &found)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) die(link);
    path[length] = 0;
    size_t prefix = strlen(data);
    if (strncmp(path, data, prefix) || (path[prefix] != '/' && path[prefix])) return;
    if (length > 10 && !strcmp(path + length - 10, " (deleted)")) return;
    snprintf(to, PATH_MAX, "%s%s", shadow, path + prefix);
    int lock = retried_open(locked, O_RDWR);
    if (lock < 0) die(locked);
    while (flock(lock, LOCK_EX)) if (errno != EINTR) die(locked);
    if (S_ISDIR(found.st_mode)) copy_names(path, to);
    else if (S_ISREG(found.st_mode)) copy_file(link, to);
    close(lock);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(fd), kept = errno;
    if (!result) copy(fd);
    errno = kept;
    return result;
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd), kept = errno;
    if (!result) copy(fd);
    errno = kept;
    return result;
}
