/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Templates: what each construct writes, where a value may stand in HTML and
 * how it is made safe there, what is refused and where it is said to be, the
 * limits, and no memory at any moment.
 */

#include "shape_kit.h"
#include "pando_template.h"


static char  said[300];


static const char *
make(const char *text, const char *json, pando_template_with_t with)
{
    json_t                  *data = json_loads(json, JSON_DECODE_ANY, NULL);
    const char              *made = NULL;
    pando_template_t        *t;
    pando_template_error_t   e;

    t = pando_template_read(&mem, text, strlen(text), &with, &e);

    if (t) {
        made = pando_template_write(&mem, t, data, &with, NULL, &e);
    }

    if (made == NULL) {
        snprintf(said, sizeof(said), "%s %s%s%u:%u %s", e.code,
                 e.in ? e.in : "", e.in ? ":" : "", e.line, e.column, e.text);
        made = said;
    }

    json_decref(data);

    return made;
}


/* What a test is called: a line. */

static const char *
line(const char *text)
{
    static char  flat[200];
    size_t       i;

    for (i = 0; text[i] && i + 1 < sizeof(flat); i++) {
        flat[i] = (unsigned char) text[i] < ' ' ? '~' : text[i];
    }

    flat[i] = '\0';

    return flat;
}


#define PARTIAL(name, text)  { name, text, sizeof(text) - 1 }

#define TEXT(text, json, want)                                                \
    is_text(make(text, json, (pando_template_with_t) { 0 }), want, line(text))

#define HTML(text, json, want)                                                \
    is_text(make(text, json, (pando_template_with_t)                          \
                 { .as = PANDO_TEMPLATE_HTML }), want, line(text))


static void
constructs(void)
{
    TEXT("plain } { text", "{}", "plain } { text");
    TEXT("a{{ x }}b{{y}}", "{\"x\": 1, \"y\": \"<&>\"}", "a1b<&>");
    TEXT("{{t}} {{f}} {{n}}|{{none}}", "{\"t\": true, \"f\": false, "
         "\"n\": null}", "true false |");
    TEXT("{{a.b.c}}{{a.x.c}}", "{\"a\": {\"b\": {\"c\": 2.5}}}", "2.5");
    TEXT("{{#l}}<{{.}}>{{/l}}", "{\"l\": [1, \"b\", true]}", "<1><b><true>");
    TEXT("{{#l}}{{n}}{{out}} {{/l}}", "{\"out\": \"-\", \"l\": [{\"n\": 1}, "
         "{\"n\": 2}]}", "1- 2- ");
    TEXT("{{#o}}{{n}}{{/o}}{{^o}}none{{/o}}", "{\"o\": {\"n\": 3}}", "3");
    TEXT("{{^l}}none{{/l}}{{^s}}, empty{{/s}}", "{\"l\": [], \"s\": \"\"}",
         "none, empty");
    TEXT("{{#z}}zero counts{{/z}}{{#f}}never{{/f}}",
         "{\"z\": 0, \"f\": false}", "zero counts");
    TEXT("{{#a}}{{#a}}{{b}}{{/a}}{{/a}}", "{\"a\": {\"b\": 1}}", "1");
    TEXT("{{#l}}{{#m}}{{.}}{{n}}{{/m}};{{/l}}", "{\"l\": [{\"n\": 1, \"m\": "
         "[7, 8]}, {\"n\": 2, \"m\": []}, {\"n\": 3, \"m\": [9]}]}",
         "7181;;93;");
    TEXT("a{{! a comment {{ here }}b", "{}", "ab");
    TEXT("{{&x}}", "{\"x\": 1}", "template_raw 1:1 values are always escaped "
         "here");

    /* a half found name is not looked for further out */
    TEXT("{{#o}}{{a.b}}{{/o}}", "{\"a\": {\"b\": 1}, \"o\": {\"a\": {}}}", "");
}


static void
lines(void)
{
    TEXT("a\n{{#x}}\nb\n{{/x}}\nc\n", "{\"x\": true}", "a\nb\nc\n");
    TEXT("a\r\n  {{#x}} \r\nb\r\n\t{{/x}}\r\nc", "{\"x\": true}",
         "a\r\nb\r\nc");
    TEXT("{{! first }}\na {{! within }}\nb", "{}", "a \nb");
    TEXT("{{#x}}\n{{/x}}", "{\"x\": true}", "");
    TEXT("{{#x}}1{{/x}}\n2", "{\"x\": true}", "1\n2");
    TEXT("{{#x}} {{/x}}\n2", "{\"x\": true}", " \n2");
    TEXT("{{#x}}{{/x}}\n2", "{\"x\": true}", "\n2");
    TEXT("{{a}}\n{{b}}\n", "{}", "\n\n");
}


static void
formatters(void)
{
    TEXT("{{m | money}}", "{\"m\": {\"amount\": 123456789, \"currency\": "
         "\"EUR\"}}", "1,234,567.89\xc2\xa0" "EUR");
    TEXT("{{m|money}}", "{\"m\": {\"amount\": -5, \"currency\": \"EUR\"}}",
         "-0.05\xc2\xa0" "EUR");
    TEXT("{{m | money}}", "{\"m\": {\"amount\": 1500, \"currency\": "
         "\"JPY\"}}", "1,500\xc2\xa0JPY");
    is_text(make("{{n | number 2}} {{n|number}}", "{\"n\": 1234567.891}",
                 (pando_template_with_t) { .locale = "de-AT" }),
            "1.234.567,89 1.234.568", "numbers in German");
    is_text(make("{{n | number}}", "{\"n\": -1234}",
                 (pando_template_with_t) { .locale = "ru" }),
            "-1\xc2\xa0" "234", "and in Russian");
    TEXT("{{a|percent}} {{b|percent}}", "{\"a\": 1900, \"b\": 1950}",
         "19\xc2\xa0% 19.50\xc2\xa0%");
    TEXT("{{t | date}}, {{t | date \"DD.MM.YYYY HH:mm:ss\"}}",
         "{\"t\": \"2026-11-21T19:05:09+02:00\"}",
         "2026-11-21, 21.11.2026 17:05:09");
    TEXT("{{d | date \"D/M YYYY\"}}", "{\"d\": \"2024-02-29\"}", "D/M 2024");
    TEXT("{{t | date}}", "{\"t\": \"tomorrow\"}",
         "template_value 1:1 the value is not of a kind that fits here");
    TEXT("{{x | default \"you | me\"}}, {{y | default \"-\"}}",
         "{\"x\": \"\", \"y\": 5}", "you | me, 5");
    TEXT("{{l | join}} {{l | join \" + \"}} {{l | count}} {{x | count}}",
         "{\"l\": [1, \"b\"]}", "1, b 1 + b 2 0");
    TEXT("{{s | first 3}} {{s | first 9}}", "{\"s\": \"\xd1\x8f" "bcd\"}",
         "\xd1\x8f" "bc\xe2\x80\xa6 \xd1\x8f" "bcd");
    TEXT("{{s | url}}", "{\"s\": \"a b&c=\xc3\xa9/\"}",
         "a%20b%26c%3D%C3%A9%2F");
    TEXT("{{s | json}}", "{\"s\": {\"a\": [1, \"\\\"\"]}}",
         "{\"a\":[1,\"\\\"\"]}");
    TEXT("{{s | shout}}", "{}", "template_formatter 1:1 there is no such "
         "formatter");
    TEXT("{{s | first}}", "{}", "template_formatter 1:1 the formatter does "
         "not go with what stands behind it");
    TEXT("{{s | first x}}", "{}", "template_formatter 1:1 the formatter does "
         "not go with what stands behind it");
    TEXT("{{s | money 3}}", "{}", "template_formatter 1:1 the formatter does "
         "not go with what stands behind it");
    TEXT("{{s | default \"x}}", "{}", "template_formatter 1:1 the quoted text "
         "is not ended");
    TEXT("{{o}}", "{\"o\": {}}", "template_value 1:1 the value is not of a "
         "kind that fits here");
}


static void
partials(void)
{
    static const pando_partial_t  with[] = {
        PARTIAL("greet", "Hi {{name}}!"),
        PARTIAL("twice", "{{> greet}} {{> greet}}"),
        PARTIAL("loop", "x{{> loop}}"),
        PARTIAL("bad", "one\n two {{#x}}"),
        PARTIAL("page", "<h1>{{$title}}No title{{/title}}</h1>"
                        "{{$body}}{{/body}}"),
        PARTIAL("shop", "{{< page}}{{$title}}Shop: {{$what}}all{{/what}}"
                        "{{/title}}{{/page}}"),
        { 0 }
    };
    pando_template_with_t  w = { .partials = with };

    is_text(make("{{#l}}{{> greet}}{{/l}}", "{\"l\": [{\"name\": \"A\"}, "
                 "{\"name\": \"B\"}]}", w), "Hi A!Hi B!", "partials");
    is_text(make("{{>twice}}", "{\"name\": 1}", w), "Hi 1! Hi 1!",
            "in partials");
    is_text(make("{{> nobody}}", "{}", w), "template_unknown_partial 1:1 "
            "there is no partial of that name", "that are not there");
    is_text(make("{{> loop}}", "{}", w), "template_too_deep loop:1:2 partials "
            "stand in one another more than 8 deep", "or hold themselves");
    is_text(make("a {{> bad}}", "{}", w), "template_syntax bad:2:12 a section "
            "is not ended", "or are wrong");

    is_text(make("{{< page}}{{/page}}", "{}", w), "<h1>No title</h1>",
            "layouts");
    is_text(make("{{< page}} ignored {{$title}}{{t}}{{/title}}\n{{$body}}{{#l}}"
                 "<p>{{.}}</p>{{/l}}{{/body}}{{/page}} end",
                 "{\"t\": 5, \"l\": [1, 2]}", w),
            "<h1>5</h1><p>1</p><p>2</p> end", "with blocks");
    is_text(make("{{< shop}}{{/shop}}", "{}", w), "<h1>Shop: all</h1>",
            "layouts of layouts");
    is_text(make("{{< shop}}{{$what}}tea{{/what}}{{/shop}}", "{}", w),
            "<h1>Shop: tea</h1>", "a block of a block");
    is_text(make("{{< shop}}{{$title}}Mine{{/title}}{{/shop}}", "{}", w),
            "<h1>Mine</h1>", "the outer one is meant");
    is_text(make("{{< page}}{{$title}}a{{/title}}{{/page}}{{< page}}{{/page}}",
                 "{}", w), "<h1>a</h1><h1>No title</h1>",
            "and forgotten afterwards");
    is_text(make("{{< page}}{{$title}}a{{/page}}", "{}", w), "template_syntax "
            "1:22 another section is to be ended first", "unended blocks");
}


static void
html(void)
{
    HTML("<p>{{x}}</p>", "{\"x\": \"<b a='\\\"'>&`\"}",
         "<p>&lt;b a=&#39;&quot;&#39;&gt;&amp;&#96;</p>");
    HTML("<p title=\"{{x}}\" id='i{{y}}'>", "{\"x\": \"\\\"\", \"y\": \"'\"}",
         "<p title=\"&quot;\" id='i&#39;'>");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"https://e.org/?a=1&b=2\"}",
         "<a href=\"https://e.org/?a=1&amp;b=2\">");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"/a:b\"}", "<a href=\"/a:b\">");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"JavaScript:alert(1)\"}",
         "<a href=\"#\">");
    HTML("<a HREF='{{u}}'>", "{\"u\": \"java\\tscript:x\"}", "<a HREF='#'>");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"\\u0001javascript:x\"}",
         "<a href=\"#\">");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"data:text/html,x\"}",
         "<a href=\"#\">");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"\\\\\\\\evil\"}", "<a href=\"#\">");
    HTML("<a href=\"{{u}}\">", "{\"u\": \"mailto:a@b\"}",
         "<a href=\"mailto:a@b\">");
    HTML("<a href=\"https://e.org/{{p}}?q={{q}}\">", "{\"p\": \"a/b\", "
         "\"q\": \"x&y\\\"\"}", "<a href=\"https://e.org/a%2Fb?q=x%26y%22\">");
    HTML("<a href=\"{{a}}{{b}}\">", "{\"a\": \"\", \"b\": \"javascript:x\"}",
         "<a href=\"javascript%3Ax\">");
    HTML("<textarea>{{x}}</textarea>{{x}}", "{\"x\": \"</textarea>\"}",
         "<textarea>&lt;/textarea&gt;</textarea>&lt;/textarea&gt;");
    HTML("<script>a</script >{{x}}", "{\"x\": \"<\"}",
         "<script>a</script >&lt;");
    HTML("<!-- a -- > -->{{x}}<!doctype html>{{x}}", "{\"x\": 1}",
         "<!-- a -- > -->1<!doctype html>1");
    HTML("a < b {{x}} <3", "{\"x\": 1}", "a < b 1 <3");
    HTML("<p {{#x}}class=\"on\"{{/x}}>", "{\"x\": true}",
         "template_context 1:20 a section ends elsewhere in the html than it "
         "begins");
    HTML("<p{{#x}} class=\"on\"{{/x}} >", "{}", "template_context 1:20 a "
         "section ends elsewhere in the html than it begins");
    HTML("{{#x}}<p>{{/x}}</p>", "{}", "</p>");
    HTML("{{m | money}}", "{\"m\": {\"amount\": 1, \"currency\": \"<b>\"}}",
         "template_value 1:1 the value is not of a kind that fits here");
    HTML("{{l | join \"<br>\"}}", "{\"l\": [1, 2]}", "1&lt;br&gt;2");
    HTML("{{{x}}}", "{}", "template_raw 1:1 values are always escaped here");
    is_text(make("<div>{{{x}}}</div>", "{\"x\": \"<b>\"}",
                 (pando_template_with_t) { .as = PANDO_TEMPLATE_HTML,
                                           .raw = true }),
            "<div><b></div>", "raw where it is allowed");
    is_text(make("<div id=\"{{{x}}}\">", "{}",
                 (pando_template_with_t) { .as = PANDO_TEMPLATE_HTML,
                                           .raw = true }),
            "template_context 1:10 html can stand in text only",
            "but not in an attribute");
    is_text(make("Re: {{x}}", "{\"x\": \"a\\r\\nBcc: b\"}",
                 (pando_template_with_t) { .as = PANDO_TEMPLATE_LINE }),
            "Re: a  Bcc: b", "a line stays one");
}


/* Where no escaping helps. */

static void
no_place(void)
{
    static const char *const  texts[] = {
        "<p onclick=\"f('{{x}}')\">", "<p style=\"color:{{x}}\">",
        "<script>{{x}}</script>", "<style>{{x}}</style>", "<!-- {{x}} -->",
        "<{{x}}>", "</{{x}}>", "<p {{x}}>", "<p {{x}}=\"1\">", "<p a={{x}}>",
        "<p a=b{{x}}>", "<p a= {{x}}>", "<img srcset=\"{{x}} 2x\">",
        "<iframe srcdoc=\"{{x}}\">", "<iframe>{{x}}</iframe>",
        "<svg><a xlink:href=\"{{x}}\">", "<!doctype {{x}}>",
        "<script>x</scriptx>{{x}}", "<script>\"</\" + \"script>{{x}}",
        "<meta http-equiv=\"refresh\" content=\"{{x}}\">", "<p a=\"b\"{{x}}>",
        "<?php {{x}} ?>", "<SCRIPT\n>{{x}}", "<script/>{{x}}",
        "<!--> {{x}} -->"
    };
    size_t  i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(strncmp(make(texts[i], "{}", (pando_template_with_t)
                        { .as = PANDO_TEMPLATE_HTML }),
                   "template_context", 16) == 0,
           "no place for a value: %s", line(texts[i]));
    }

    HTML("<p title=\"a", "{}", "template_context 1:12 the text ends within a "
         "tag, a comment or an element");
}


static void
refused(void)
{
    TEXT("a\n {{#x}}", "{}", "template_syntax 2:8 a section is not ended");
    TEXT("{{/x}}", "{}", "template_syntax 1:1 nothing is open that this could "
         "end");
    TEXT("{{#a}}{{#b}}{{/a}}{{/b}}", "{}", "template_syntax 1:13 another "
         "section is to be ended first");
    TEXT("1\n2 {{x", "{}", "template_syntax 2:3 the tag is not ended");
    TEXT("{{{x}}", "{}", "template_syntax 1:1 the tag is not ended");
    TEXT("{{}}", "{}", "template_syntax 1:1 the tag has no name");
    TEXT("{{# }}", "{}", "template_syntax 1:1 the tag has no name");
    TEXT("{{=<% %>=}}", "{}", "template_syntax 1:1 the marks of a tag cannot "
         "be changed");
    TEXT("{{a..b}}", "{}", "template_syntax 1:1 this is no name of a value");
    TEXT("{{a b}}", "{}", "template_syntax 1:1 a name has no such character");
    TEXT("{{a.b.c.d.e.f.g.h.i}}", "{}", "template_syntax 1:1 this is no name "
         "of a value");
    is_text(make("Hi {{#o}}{{first.name}}{{/o}}", "{\"o\": {\"first\": {}}}",
                 (pando_template_with_t) { .strict = true }),
            "missing_variable 1:10 first.name", "what is missing has a name");
    is_text(make("{{x}}{{y | default \"-\"}}{{#z}}{{/z}}", "{\"x\": null}",
                 (pando_template_with_t) { .strict = true }),
            "-", "what may be missing is not missed");
}


static void
limits(void)
{
    char         *text = malloc(300001);
    const char   *made;
    json_t       *data, *list;
    unsigned      i;
    pando_template_t        *t;
    pando_template_with_t    with = { .max = 1000 };
    pando_template_error_t   e;

    memset(text, 'a', 300000);
    text[300000] = '\0';
    ok(strncmp(make(text, "{}", with), "template_too_large ", 19) == 0,
       "a long text");
    text[1001] = '\0';
    ok(strncmp(make(text, "{}", with), "template_output ", 16) == 0,
       "a long output");
    text[1000] = '\0';
    ok(strlen(make(text, "{}", with)) == 1000, "but not a fitting one");

    for (i = 0, *text = '\0'; i < 17; i++) {
        strcat(text, "{{#a}}");
    }

    ok(strncmp(make(text, "{}", with), "template_too_deep ", 18) == 0,
       "many sections in one another");

    for (i = 0, *text = '\0'; i < 20001; i++) {
        memcpy(text + 6 * i, "{{a}}b", 7);
    }

    ok(strncmp(make(text, "{}", with), "template_too_large ", 19) == 0,
       "many steps");

    /* four lists in one another: 10^12 rounds were it not for the bound */
    data = json_object();
    list = json_array();

    for (i = 0; i < 1000; i++) {
        json_array_append_new(list, json_true());
    }

    json_object_set_new(data, "l", list);
    strcpy(text, "{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}");
    t = pando_template_read(&mem, text, strlen(text), &with, &e);
    made = t ? pando_template_write(&mem, t, data, &with, NULL, &e) : "";
    ok(made == NULL && strcmp(e.code, "template_output") == 0,
       "loops of loops end");
    json_decref(data);
    free(text);
}


static void
no_memory(void)
{
    size_t   at;
    bool     good;
    char    *made = NULL;
    json_t  *data = json_loads("{\"a\": [1, 2], \"m\": {\"amount\": 1, "
                               "\"currency\": \"EUR\"}}", 0, NULL);

    static const char  text[] =
        "{{#a}}<p title=\"{{.}}\">{{m | money}}{{/a}}{{b.c.d}}";

    pando_template_t        *t;
    pando_template_with_t    with = { .as = PANDO_TEMPLATE_HTML };
    pando_template_error_t   e;

    for (at = 1; made == NULL && at < 100; at++) {
        arena_reset();
        arena.fail_at = at;
        e.code = "";
        t = pando_template_read(&mem, text, sizeof(text) - 1, &with, &e);
        made = t ? pando_template_write(&mem, t, data, &with, NULL, &e)
                 : NULL;
        good = made || strcmp(e.code, "no_memory") == 0;

        if (!good) {
            break;
        }
    }

    ok(made && at > 5, "without memory it says so, at any of %zu moments",
       at - 1);
    json_decref(data);
}


int
main(void)
{
    constructs();
    lines();
    formatters();
    partials();
    html();
    no_place();
    refused();
    limits();
    no_memory();
    arena_reset();

    return done();
}
