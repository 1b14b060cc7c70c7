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
# Nulls: a nullable argument (`uuid?`) is a pointer, NULL for null.  Of a
# struct's nullable member, a text is NULL; others have `bool has_<member>`
# beside them.  Texts point into the result and live as long as the flow.
# A member of type money takes two columns, amount bigint and currency text,
# selected one behind the other under any names.
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

use Queries;

my %TYPE = %Queries::TYPE;


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
 * The named queries of sql/$domain/, made by sql/compile.pl: change them there.
 * Texts point into the result; a nullable member that is not a text has
 * has_<member> beside it.
 */

#ifndef $guard
#define $guard

#include "pando.h"

END

    $h .= struct($_) for @{ $all->{structs} };
    $h .= prototypes($_) for @{ $all->{queries} };

    return $h . "\n\n/* All of them, each text of a page too; ends in NULL. */"
        . "\nextern pando_query_t *const  ${domain}_queries[];\n\n#endif\n";
}


sub source
{
    my ($domain, $all) = @_;
    my $c = "/* Made by sql/compile.pl from sql/$domain/. */\n\n"
        . "#include \"${domain}_sql.h\"\n";

    $c .= statements($_) for @{ $all->{queries} };
    $c .= reader($_) for @{ $all->{structs} };
    $c .= functions($_) for @{ $all->{queries} };

    my @names = map { map { "    &query_$_->{id},\n" } @{ $_->{texts} } }
        @{ $all->{queries} };

    return $c . "\n\npando_query_t *const  ${domain}_queries[] = {\n"
        . join('', @names, "    NULL\n") . "};\n";
}


# Declarations with their names in one column: [type, name, ...].
sub aligned
{
    my ($indent, $end, @pairs) = @_;
    my $width = 0;

    for (@pairs) {
        my ($base, $star) = $_->[0] =~ /^(.*?)\s*(\*?)$/;
        my $length = length "$base  $star";

        $_ = [ $base, "$star$_->[1]", length $star ];
        $width = $length if $length > $width;
    }

    return join '', map {
        $indent . $_->[0] . ' ' x ($width - $_->[2] - length $_->[0])
            . "$_->[1]$end";
    } @pairs;
}


sub struct
{
    my ($struct) = @_;
    my @members;

    for my $m (@{ $struct->{row} }) {
        push @members, [ member_type($m), $m->{name} ];
        push @members, [ 'bool', "has_$m->{name}" ]
            if $m->{null} && !is_text($m);
    }

    return "\ntypedef struct {\n" . aligned('    ', ";\n", @members)
        . "} $struct->{name};\n\n";
}


sub is_text
{
    my ($m) = @_;

    return $TYPE{$m->{type}}[3] && $TYPE{$m->{type}}[3] eq 'text';
}


# A shape binds integers as int64_t, so that is what a struct has.
sub member_type
{
    my ($m) = @_;

    return $m->{type} eq 'int' ? 'int64_t' : $TYPE{$m->{type}}[0];
}


# An argument as C declares it; lists have their count beside them.
sub parameters
{
    my ($q) = @_;
    my @c = ('pando_tx_t *tx');

    for my $arg (@{ $q->{args} }) {
        my $type = $TYPE{$arg->{type}}[0];

        $type = "const $type *" if $arg->{null} && $type !~ /\*/;
        push @c, $type . ($type =~ /\*$/ ? '' : ' ') . $arg->{name};
        push @c, "size_t n$arg->{name}"
            if $arg->{type} =~ /\[\]$|^bytea$/;
    }

    push @c, 'size_t *n' if $q->{gives} eq 'rows';

    return @c;
}


# "head(a, b)" wrapped at 79 columns.
sub wrapped
{
    my ($head, @list) = @_;
    my ($text, $line) = ('', "$head(");

    for my $i (0 .. $#list) {
        my $item = $list[$i] . ($i < $#list ? ',' : ')');

        if (length("$line$item") > 78) {
            $text .= $line =~ s/ ?$/\n/r;
            $line = '    ';
        }

        $line .= $item . ($i < $#list ? ' ' : '');
    }

    return $text . $line;
}


# What a query returns: with its row there, or else with its `?`.
sub returns
{
    my ($q, $there) = @_;
    my $gives = $q->{gives};

    return "$q->{struct} *" if $q->{struct};
    return 'pando_json_t ' if $gives eq 'json';
    return 'void ' if $gives eq 'none';
    return 'int64_t ' if $gives eq 'affected';
    return 'pando_page_t *' if $gives eq 'page';

    my $type = member_type({ type => $gives });

    return $type if $type =~ /\*$/;
    return $q->{null} && !$there ? "const $type *" : "$type ";
}


sub prototypes
{
    my ($q) = @_;
    my $name = "$q->{domain}_sql_$q->{name}";
    my $waits = $q->{gives} eq 'none' ? '' : 'PANDO_WAITS ';
    my $h = "\n/* $q->{file}:$q->{line} */\n";

    $h = "\n/*\n" . join('', map { " * $_\n" } map { s{\*/}{* /}gr }
         @{ $q->{note} }, "$q->{file}:$q->{line}") . " */\n" if $q->{note};

    if ($q->{gives} eq 'page') {
        $h .= "extern const pando_pages_t  ${name}_pages;\n";
    }

    $h .= wrapped($waits . returns($q, 0) . $name, parameters($q)) . ";\n";
    $h .= wrapped("${waits}PANDO_LEAVES " . returns($q, 1) . "${name}_or_404",
                  parameters($q)) . ";\n" if $q->{null};

    return $h;
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


# One column into a struct's member or a scalar's place.
sub column
{
    my ($m, $place, $row, $col) = @_;
    my $read = "pando_rows_$TYPE{$m->{type}}[3](rows, $row, $col)";

    if ($m->{type} eq 'money') {
        return "    $place.amount = pando_rows_int(rows, $row, $col);\n"
            . "    strncpy($place.currency, pando_rows_text(rows, $row, "
            . ($col + 1) . "), 3);\n";
    }

    return "    $place = $read;\n";
}


sub reader
{
    my ($struct) = @_;
    my $c = "\n\nstatic void\n" . wrapped("read_$struct->{name}",
        'const pando_rows_t *rows', 'size_t i', "$struct->{name} *row")
        . "\n{\n";
    my $col = 0;

    for my $m (@{ $struct->{row} }) {
        my $read = column($m, "row->$m->{name}", 'i', $col);

        if ($m->{null}) {
            my $there = "!pando_rows_null(rows, i, $col)";

            $c .= "\n" if $c !~ /(?:\{|^)\n$/;
            $c .= is_text($m) ? "    if ($there) {\n"
                : "    row->has_$m->{name} = $there;\n\n"
                  . "    if (row->has_$m->{name}) {\n";
            $c .= ($read =~ s/^/    /gmr) . "    }\n\n";
        } else {
            $c .= $read;
        }

        $col += $m->{type} eq 'money' ? 2 : 1;
    }

    return $c =~ s/\n\n\n(?=  )/\n\n/gr =~ s/\n+$/\n/r . "}\n";
}


# Arguments into pando_args_t; what is not set stays null.
sub binding
{
    my ($q) = @_;
    my $c = '';

    for my $arg (@{ $q->{params} }) {
        my ($name, $n) = ($arg->{name}, $q->{number}{$arg->{name}});
        my ($type, undef, $how) = @{ $TYPE{$arg->{type}} };
        my $value = $how eq 'text' ? $name
            : $how =~ /^(?:uuid|time)$/ ? ($arg->{null} ? $name : "&$name")
            : $how =~ /s$/ ? "$name, n$name"
            : $arg->{null} ? "*$name" : $name;
        my $rq = $how =~ /^(?:uuids|texts|ints)$/ ? 'pando_tx_req(tx), ' : '';
        my $set = "pando_arg_$how(${rq}&args, $n, $value);\n";

        next if $name =~ /^(?:tenant|user)$/;

        $c .= $arg->{null} && $how ne 'text'
            ? "\n    if ($name != NULL) {\n        $set    }\n\n" : "    $set";
    }

    return $c =~ s/\n\n+/\n\n/gr =~ s/^\n//r =~ s/\n*$/\n/r =~ s/^\n$//r;
}


sub functions
{
    my ($q) = @_;
    my $name = "$q->{domain}_sql_$q->{name}";
    my $c = function($q, $name, returns($q, 0), body($q));

    if ($q->{null}) {
        my @names = map { /(\w+)$/ } parameters($q);
        my $type = returns($q, 1);
        my $have = $q->{gives} eq 'json' ? 'found.text' : 'found';
        my $star = returns($q, 0) eq $type ? 'found' : '*found';

        $c .= function($q, "${name}_or_404", $type,
            '    ' . returns($q, 0) =~ s/(\*?)$/ $1/r =~ s/  +(\*?)$/  $1/r
            . wrapped("found = $name", @names) . ";\n\n"
            . "    if ($have == NULL) {\n        "
            . "pando_leave(pando_tx_req(tx), &pando_not_found);\n    }\n\n"
            . "    return $star;\n");
    }

    return $c;
}


sub function
{
    my ($q, $name, $type, $body) = @_;

    return "\n\n" . $type =~ s/ $//r . "\n"
        . wrapped($name, parameters($q)) . "\n{\n$body}\n";
}


# The body of a query's function: bind, run, read.
sub body
{
    my ($q) = @_;
    my $gives = $q->{gives};
    my $type = $q->{struct} // ($TYPE{$gives} ? member_type({ type => $gives })
        : '');
    my $scalar = $TYPE{$gives} ? 1 : 0;
    my $run = "pando_run(tx, &query_$q->{name}, &args)";
    my @locals = ([ 'pando_args_t', 'args = { 0 }' ]);
    my $do;

    if ($gives eq 'none') {
        $do = "    pando_queue(tx, &query_$q->{name}, &args);\n";

    } elsif ($gives eq 'page') {
        $do = "    return " . wrapped('pando_run_page', 'tx', "&${\
            \"$q->{domain}_sql_$q->{name}_pages\"}", '&args',
            scalar @{ $q->{params} }) . ";\n";

    } elsif ($gives eq 'affected') {
        $do = "    return pando_rows_affected($run);\n";

    } else {
        push @locals, [ 'pando_rows_t *', 'rows' ];
        $do = "    rows = $run;\n\n";

        if ($gives eq 'rows') {
            push @locals, [ "$type *", 'row' ], [ 'size_t', 'i' ];
            $do .= "    *n = pando_rows_count(rows);\n"
                . "    row = pando_alloc(pando_tx_req(tx),"
                . " *n * sizeof($type));\n\n"
                . "    for (i = 0; i < *n; i++) {\n"
                . "        read_$type(rows, i, &row[i]);\n    }\n\n"
                . "    return row;\n";

        } else {
            my $none = $gives eq 'json' ? '(pando_json_t) { .version = -1 }'
                : 'NULL';
            my $empty = 'pando_rows_count(rows) == 0'
                . ($scalar ? ' || pando_rows_null(rows, 0, 0)' : '');

            $do .= $q->{null}
                ? "    if ($empty) {\n        return $none;\n    }\n\n"
                : "    pando_assert(pando_tx_req(tx),"
                  . " pando_rows_count(rows) == 1);\n\n";

            if ($q->{struct}) {
                push @locals, [ "$type *", 'row' ];
                $do .= "    row = pando_alloc(pando_tx_req(tx),"
                    . " sizeof($type));\n    read_$type(rows, 0, row);\n\n"
                    . "    return row;\n";
            } elsif ($gives eq 'json') {
                $do .= "    return pando_rows_json(rows, 0);\n";
            } elsif ($q->{null} && !is_text({ type => $gives })) {
                push @locals, [ "$type *", 'value' ];
                $do .= "    value = pando_alloc(pando_tx_req(tx),"
                    . " sizeof($type));\n"
                    . column({ type => $gives }, '*value', 0, 0)
                    . "\n    return value;\n";
            } else {
                $do .= "    return pando_rows_$TYPE{$gives}[3](rows, 0, 0);\n";
            }
        }
    }

    my $bind = binding($q);

    return aligned('    ', ";\n", @locals) . "\n"
        . ($bind ? "$bind\n" : '') . $do;
}
