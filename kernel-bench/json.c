// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * json.c - a reader by recursive descent, and two writers.
 *
 * What a child or a peer printed is not trusted: depth is limited, and any
 * error gives NULL.  \u escapes beyond ASCII become '?'.
 */
#include "json.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

struct reader {
	const char *p;
	int depth;
};

static struct json *value(struct reader *r);

static void space(struct reader *r)
{
	while (isspace((unsigned char)*r->p))
		r->p++;
}

static int accept(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	space(r);
	if (strncmp(r->p, word, n))
		return 0;
	r->p += n;
	return 1;
}

static struct json *make(enum json_type type)
{
	struct json *j = calloc(1, sizeof(*j));

	if (j)
		j->type = type;
	return j;
}

/* After the backslash. */
static int unescape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char hex[5] = "";
	const char *at;
	long c;

	if (*r->p == 'u') {
		strncpy(hex, r->p + 1, 4);
		if (strlen(hex) != 4 || strspn(hex, "0123456789abcdefABCDEF") != 4)
			return -1;
		r->p += 5;
		c = strtol(hex, NULL, 16);
		return c && c < 128 ? (int)c : '?';
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return -1;
	r->p++;
	return to[at - from];
}

static char *string(struct reader *r)
{
	char *s, *out;
	int c;

	if (!accept(r, "\""))
		return NULL;
	s = out = malloc(strlen(r->p) + 1);
	if (!s)
		return NULL;
	while (*r->p && *r->p != '"') {
		c = (unsigned char)*r->p++;
		if (c == '\\')
			c = unescape(r);
		if (c < 0)
			break;
		*out++ = c;
	}
	*out = '\0';
	if (*r->p++ == '"')
		return s;
	free(s);
	r->p--;
	return NULL;
}

/* One element or member; its name was read if it has one. */
static struct json *element(struct reader *r, enum json_type type)
{
	char *name = NULL;
	struct json *j;

	if (type == JSON_OBJ) {
		name = string(r);
		if (!name || !accept(r, ":")) {
			free(name);
			return NULL;
		}
	}
	j = value(r);
	if (j)
		j->name = name;
	else
		free(name);
	return j;
}

static struct json *container(struct reader *r, enum json_type type,
			      const char *end)
{
	struct json *j = make(type), **tail;

	if (!j || accept(r, end))
		return j;
	tail = &j->child;
	do {
		*tail = element(r, type);
		if (!*tail)
			goto err;
		tail = &(*tail)->next;
	} while (accept(r, ","));
	if (accept(r, end))
		return j;
err:
	json_free(j);
	return NULL;
}

static struct json *number(struct reader *r)
{
	struct json *j;
	char *end;
	double d;

	space(r);
	if (*r->p != '-' && !isdigit((unsigned char)*r->p))
		return NULL;
	d = strtod(r->p, &end);
	if (end == r->p || !isfinite(d))
		return NULL;
	r->p = end;
	j = make(JSON_NUM);
	if (j)
		j->num = d;
	return j;
}

static struct json *quoted(struct reader *r)
{
	char *s = string(r);
	struct json *j = s ? make(JSON_STR) : NULL;

	if (j)
		j->str = s;
	else
		free(s);
	return j;
}

static struct json *truth(double num)
{
	struct json *j = make(JSON_BOOL);

	if (j)
		j->num = num;
	return j;
}

static struct json *value(struct reader *r)
{
	struct json *j = NULL;

	if (++r->depth > DEPTH_MAX)
		return NULL;
	if (accept(r, "{"))
		j = container(r, JSON_OBJ, "}");
	else if (accept(r, "["))
		j = container(r, JSON_ARR, "]");
	else if (accept(r, "true"))
		j = truth(1);
	else if (accept(r, "false"))
		j = truth(0);
	else if (accept(r, "null"))
		j = make(JSON_NULL);
	else if (*r->p == '"')
		j = quoted(r);
	else
		j = number(r);
	r->depth--;
	return j;
}

/*
 * NULL if @text is anything but one value; *@end is then near what is wrong,
 * else at the end.
 */
struct json *json_parse_at(const char *text, const char **end)
{
	struct reader r = { text, 0 };
	struct json *j = value(&r);

	space(&r);
	*end = r.p;
	if (!*r.p)
		return j;
	json_free(j);
	return NULL;
}

struct json *json_parse(const char *text)
{
	const char *end;

	return json_parse_at(text, &end);
}

void json_free(struct json *j)
{
	while (j) {
		struct json *next = j->next;

		json_free(j->child);
		free(j->name);
		free(j->str);
		free(j);
		j = next;
	}
}

const struct json *json_get(const struct json *obj, const char *name)
{
	const struct json *j = obj ? obj->child : NULL;

	while (j && (!j->name || strcmp(j->name, name)))
		j = j->next;
	return j;
}

/* NULL if there is no such string. */
const char *json_str(const struct json *obj, const char *name)
{
	const struct json *j = json_get(obj, name);

	return j && j->type == JSON_STR ? j->str : NULL;
}

void json_put_str(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(f, "\\u%04x", *s);
		else
			putc(*s, f);
	}
	putc('"', f);
}

void json_put_num(FILE *f, double num)
{
	if (!isfinite(num))
		fputs("null", f);
	else if (num > -1e15 && num < 1e15 && num == (long long)num)
		fprintf(f, "%lld", (long long)num);
	else
		fprintf(f, "%.6g", num);
}
