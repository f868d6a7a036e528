/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * json.h - as much JSON as results need: children and peers print an object,
 * the driver reads it and writes an array of them.
 */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUM, JSON_STR, JSON_ARR, JSON_OBJ };

/**
 * struct json - a value, and its place among its siblings
 * @type:	what it is
 * @name:	of a member of an object, else NULL
 * @num:	of a number; 0 or 1 of a truth value
 * @str:	of a string
 * @child:	first element or member
 * @next:	next sibling
 */
struct json {
	enum json_type type;
	char *name;
	double num;
	char *str;
	struct json *child, *next;
};

struct json *json_parse_at(const char *text, const char **end);
struct json *json_parse(const char *text);
void json_free(struct json *j);
const struct json *json_get(const struct json *obj, const char *name);
const char *json_str(const struct json *obj, const char *name);

void json_put_str(FILE *f, const char *s);
void json_put_num(FILE *f, double num);

#endif /* JSON_H */
