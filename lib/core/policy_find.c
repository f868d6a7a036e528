// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_find.c - which policy a start uses.
 *
 * WEFT_POLICY goes before weft_opts.policy, and that before weft_policy_set().
 * Its value is "builtin"; or a name that the program has registered; or a path,
 * known by its slash, of a shared object that exports
 *
 *	const struct weft_sched_ops weft_policy;
 *
 * or a NAME, for libweft-NAME.so where the dynamic linker looks.  What was
 * loaded stays: a thread may have been in it.
 */
#include "policy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL "weft_policy"

struct known {
	const struct weft_sched_ops *ops;
	struct known *next;
};

static struct weft__lock lock;	/* guards what follows */
static struct known *known;
static const struct weft_sched_ops *preset;

static bool good_letter(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

static bool good_name(const char *name)
{
	size_t n = 0;

	while (name && good_letter(name[n]))
		n++;
	return n && !name[n] && n < sizeof(weft__policy.name) &&
	       strcmp(name, "builtin") != 0;
}

/* A struct of an earlier or a later version becomes ours; 0 or -EINVAL. */
int weft__policy_copy(struct weft_sched_ops *to,
		      const struct weft_sched_ops *from)
{
	const char *tail = (const char *)from;
	size_t i;

	memset(to, 0, sizeof(*to));
	if (from->sz < offsetof(struct weft_sched_ops, select_cpu)) {
		weft__say("weft: a policy has sz %zu: not the size of a struct "
			  "weft_sched_ops", from->sz);
		return -EINVAL;
	}
	if (!good_name(from->name)) {
		weft__say("weft: a policy is called \"%.64s\": not a name of "
			  "letters, digits, _ - .", from->name ?: "(null)");
		return -EINVAL;
	}
	for (i = sizeof(*to); i < from->sz; i++) {
		if (tail[i]) {
			weft__say("weft: policy \"%s\" has callbacks that this "
				  "version of weft does not know", from->name);
			return -EINVAL;
		}
	}
	memcpy(to, from, from->sz < sizeof(*to) ? from->sz : sizeof(*to));
	return 0;
}

static int check(const struct weft_sched_ops *ops)
{
	struct weft_sched_ops copy;

	return ops ? weft__policy_copy(&copy, ops) : -EINVAL;
}

static struct known *find(const char *name)
{
	struct known *k = known;

	while (k && strcmp(k->ops->name, name))
		k = k->next;
	return k;
}

static int add(const struct weft_sched_ops *ops)
{
	struct known *k = malloc(sizeof(*k));

	if (!k)
		return -ENOMEM;
	*k = (struct known){ ops, known };
	known = k;
	return 0;
}

int weft_policy_register(const struct weft_sched_ops *ops)
{
	int ret = check(ops);

	if (ret)
		return ret;
	weft__lock(&lock);
	ret = find(ops->name) ? -EEXIST : add(ops);
	weft__unlock(&lock);
	return ret;
}

int weft_policy_set(const struct weft_sched_ops *ops)
{
	struct known *k;
	int ret = ops ? check(ops) : 0;

	if (ret)
		return ret;
	weft__lock(&lock);
	k = ops ? find(ops->name) : NULL;
	if (k && k->ops != ops)
		ret = -EEXIST;
	else if (ops && !k)
		ret = add(ops);
	if (!ret)
		preset = ops;
	weft__unlock(&lock);
	return ret;
}

/* ---- by name ---- */

static weft__cold int refuse(const char *name, const char *why)
{
	fprintf(stderr, "weft: WEFT_POLICY=\"%s\": %s\n", name, why);
	return -EINVAL;
}

static int load(const char *name, const struct weft_sched_ops **ops)
{
	char file[320];
	void *so;

	if (strchr(name, '/'))
		snprintf(file, sizeof(file), "%s", name);
	else
		snprintf(file, sizeof(file), "libweft-%s.so", name);
	if (strlen(name) > 255)
		return refuse(name, "too long");
	if (!strchr(name, '/') && !good_name(name))
		return refuse(name, "not a name of letters, digits, _ - ., nor "
				    "a path, which has a slash");
	so = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return refuse(name, dlerror());
	*ops = dlsym(so, SYMBOL);
	if (!*ops) {
		dlclose(so);
		return refuse(name, "exports no struct weft_sched_ops "
			      SYMBOL);
	}
	return check(*ops);
}

static int by_name(const char *name, const struct weft_sched_ops **ops)
{
	struct known *k;

	if (!strcmp(name, "builtin"))
		return 0;
	weft__lock(&lock);
	k = find(name);
	weft__unlock(&lock);
	if (!k)
		return load(name, ops);
	*ops = k->ops;
	return 0;
}

int weft__policy_find(const struct weft__opts *o,
		      const struct weft_sched_ops **ops)
{
	*ops = NULL;
	if (o->policy_name)
		return by_name(o->policy_name, ops);
	*ops = o->policy ? o->policy : preset;
	return *ops ? check(*ops) : 0;
}

void weft__policy_find_forked(void)
{
	lock = (struct weft__lock)WEFT__LOCK_INIT;
}
