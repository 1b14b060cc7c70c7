#!/usr/bin/perl
#
# SPDX-License-Identifier: BSD-2-Clause
#
# compile.pl <domain> <sql dir> <out dir>: named queries become typed C.
#
# Every sql/<domain>/*.sql but the migrations (NNN_*.sql) and demo*.sql is
# read, and <domain>_sql.h and <domain>_sql.c are written where they changed.
# A query is opened by comment lines:
#
#     -- name: lock(id uuid) -> row? orders_row
#     -- row: id uuid, state text, version bigint, paid_at timestamptz?
#     -- lane: slow
#     -- across tenants: <reason>
#
# and reaches to the next one.  It becomes orders_sql_lock(tx, id), and with a
# `?` also orders_sql_lock_or_404(tx, id).  Arrows: row? and row (a struct),
# rows (an array, its count in *n), json? and json (column 0 passed on as
# text, a second column "version" beside it), none (queued), affected (rows
# touched), page (keyset), or a type: int, bool, text?, uuid? and so on, the
# one column of one row; those with `?` are NULL where there is no row.  A
# struct is `<name>_t`, or orders_sql_lock_row_t where no name is given; one
# name is one struct in the domain, and `-- row:` may be left out where
# another query has typed it.
#
# Parameters are written :name, once or often; :tenant and :user are no
# arguments, the runtime binds them from the token.  Types of arguments and
# members: uuid, text, bigint, int, bool, float8, timestamptz, jsonb, json, and
# as text numeric, date, time, interval, inet, xid8, tstzrange, daterange; of
# arguments also bytea, uuid[], text[] and bigint[], their count beside them;
# of members also money, which takes two columns, amount bigint and currency
# text, selected one behind the other.  An int is int32_t as an argument and
# int64_t when it is read, as shapes have it.
#
# Nulls: a nullable argument (`uuid?`) is a pointer, NULL for null.  Of a
# struct's nullable member, a text is NULL; others have `bool has_<member>`
# beside them.  Texts point into the result and live as long as the flow.
#
# A table is named with its schema.  One that belongs to tenants (it has a
# tenant_id) is not touched without :tenant, unless `-- across tenants:` says
# why.  What writes, locks or emits goes by the lane writes, all else by reads;
# `-- lane: slow` is for reports.  A comment line that is no mark becomes the
# function's comment.
#
# A page names its sorts, the default first, and is written with four marks:
#
#     -- name: list(parent_id uuid?) -> page
#     -- sort: position = position text, id uuid
#     -- sort: -created_at = created_at timestamptz desc, id uuid desc
#     SELECT <document> :keys FROM orders.lines WHERE tenant_id = :tenant
#        AND :after ORDER BY :order LIMIT :limit
#
# Each sort is compiled twice: its first page, and the one after given keys.
# A sort's keys must not be null and must together be unique.
#
# Queries.pm reads the queries and refuses what breaks a rule, with file and
# line; here they are only written down.  What must stay true: the C is as
# readable as if written by hand, and compiles without a warning.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Functions;
use Queries;


exit main(@ARGV);


sub main
{
    my ($domain, $dir, $out) = @_;

    if (@_ != 3 || $domain !~ /^[a-z]\w*$/ || !-d "$dir/$domain" || !-d $out) {
        print STDERR "usage: compile.pl <domain> <sql dir> <out dir>\n";
        return 2;
    }

    my $all = eval { Queries::domain($dir, $domain) };

    if (!$all) {
        print STDERR $@;
        return 1;
    }

    put("$out/${domain}_sql.h", header($domain, $all));
    put("$out/${domain}_sql.c", source($domain, $all));
    return 0;
}


# A file that has not changed keeps its time, and nothing is built again.
sub put
{
    my ($path, $text) = @_;
    my $old = '';

    if (open my $in, '<', $path) {
        local $/;
        $old = <$in>;
    }

    return if $old eq $text;

    open my $file, '>', "$path.new" or die "$path.new: $!\n";
    print $file $text;
    close $file or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}


sub header
{
    my ($domain, $all) = @_;
    my $guard = 'PANDO_' . uc($domain) . '_SQL_H';
    my $h = <<"END";
/*
 * The named queries of sql/$domain/, made by sql/compile.pl: change those.
 * Texts point into the result; a nullable member that is not a text has
 * has_<member> beside it.
 */

#ifndef $guard
#define $guard

#include "pando.h"

END

    $h .= Functions::struct($_) for @{ $all->{structs} };
    $h .= Functions::prototypes($_) for @{ $all->{queries} };

    return $h . "\n\n/* All of them, each text of a page too; ends in NULL. */"
        . "\nextern pando_query_t *const  ${domain}_queries[];\n\n#endif\n";
}


sub source
{
    my ($domain, $all) = @_;
    my $c = "/* Made by sql/compile.pl from sql/$domain/. */\n\n"
        . "#include \"${domain}_sql.h\"\n";

    $c .= statements($_) for @{ $all->{queries} };
    $c .= Functions::reader($_) for @{ $all->{structs} };
    $c .= Functions::functions($_) for @{ $all->{queries} };

    my @names = map { map { "    &query_$_->{id},\n" } @{ $_->{texts} } }
        @{ $all->{queries} };

    return $c . "\n\npando_query_t *const  ${domain}_queries[] = {\n"
        . join('', @names, "    NULL\n") . "};\n";
}


sub quoted
{
    my ($text) = @_;

    return '"' . $text =~ s/(["\\])/\\$1/gr =~ s/\?\?/?\\?/gr . '"';
}


# The constants behind a query.
sub statements
{
    my ($q) = @_;
    my $c = '';

    for my $text (@{ $q->{texts} }) {
        my @lines = @{ $text->{sql} };
        my $sql = join "\n        ", map { quoted($_) =~ s/"$/\\n"/r }
            @lines[0 .. $#lines - 1];
        my @oids = @{ $text->{oids} };
        my @set = ([ name => quoted($text->{full}) ],
            [ text => "\n        " . ($sql ? "$sql\n        " : '')
                      . quoted($lines[-1]) ],
            [ lane => 'PANDO_' . uc $q->{lane} ]);

        push @set, [ nparams => scalar @oids ], [ types =>
            '(const uint32_t[]) { ' . join(', ', @oids) . ' }' ] if @oids;

        for my $who (qw(tenant user)) {
            push @set, [ $who => $q->{number}{$who} ] if $q->{number}{$who};
        }

        $c .= "\n\n/* $q->{file}:$q->{line} */\n"
            . "static pando_query_t  query_$text->{id} = {\n"
            . join('', map { "    .$_->[0] = $_->[1],\n" =~ s/ \n/\n/r }
                       @set) . "};\n";
    }

    return $q->{gives} eq 'page' ? $c . pages($q) : $c;
}


sub pages
{
    my ($q) = @_;
    my $name = "$q->{domain}_sql_$q->{name}_pages";
    my $n = @{ $q->{sorts} };
    my $c = "\n\nstatic const pando_sort_t  sorts_$q->{name}\[] = {\n";

    for my $text (grep { $_->{which} eq 'first' } @{ $q->{texts} }) {
        my $sort = $text->{sort};
        my $first = "query_$text->{id}";

        $c .= sprintf "    { %s, %d,\n      &%s,\n      &%s },\n",
            quoted($sort->{sort}), scalar @{ $sort->{keys} }, $first,
            $first =~ s/first$/after/r;
    }

    return "$c};\n\n\nconst pando_pages_t  $name = {\n"
        . "    .name = \"$q->{domain}.$q->{name}\",\n    .nsorts = $n,\n"
        . "    .sorts = sorts_$q->{name}\n};\n";
}
