#
# SPDX-License-Identifier: BSD-2-Clause
#
# Queries: reads a domain's named queries, and what its migrations create.
#
# compile.pl makes C of what it returns, t/root/queries.t compares it with a
# migrated database, and migrate splits its steps with scan().  compile.pl's
# opening says how a query is written, Rules.pm what it has to keep to; what
# breaks that dies with "file:line: sentence".

package Queries;

use strict;
use warnings;

use Rules;

BEGIN { *refuse = \&Rules::refuse }

# The type as written: C type, OID, how an argument is set, a column is read.
our %TYPE = (
    uuid        => [ 'pando_uuid_t', 2950, 'uuid',   'uuid'   ],
    timestamptz => [ 'pando_time_t', 1184, 'time',   'time'   ],
    bigint      => [ 'int64_t',      20,   'int',    'int'    ],
    int         => [ 'int32_t',      23,   'int4',   'int'    ],
    bool        => [ 'bool',         16,   'bool',   'bool'   ],
    float8      => [ 'double',       701,  'number', 'number' ],
    bytea       => [ 'const void *', 17,   'bytes',  undef    ],
    'uuid[]'    => [ 'const pando_uuid_t *',  2951, 'uuids', undef ],
    'text[]'    => [ 'const char *const *',   1009, 'texts', undef ],
    'bigint[]'  => [ 'const int64_t *',       1016, 'ints',  undef ],
    money       => [ 'pando_money_t', undef, undef, 'money' ],
    map { $_->[0] => [ 'const char *', $_->[1], 'text', 'text' ] }
        [ text => 25 ], [ jsonb => 3802 ], [ json => 114 ],
        [ numeric => 1700 ], [ date => 1082 ], [ time => 1083 ],
        [ interval => 1186 ], [ inet => 869 ], [ tstzrange => 3910 ],
        [ daterange => 3912 ], [ xid8 => 5069 ],
);
my %ALIAS = (integer => 'int', int4 => 'int', int8 => 'bigint',
    boolean => 'bool', decimal => 'numeric', double => 'float8');

# Words of C, which name nothing, and of the functions, which no argument has.
my %TAKEN = map { $_ => 1 } qw(auto bool break case char const continue default
    do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while true false);
my %LOCAL = map { $_ => 1 } qw(tx args rows row i n);


# SQL as tokens [kind, text, line]: comments are dropped, quotes kept whole.
sub scan
{
    my ($sql, $file, $line) = @_;
    my ($comment, @tokens);

    $comment = qr{(/\*(?:[^*/]|\*(?!/)|/(?!\*)|(?-1))*\*/)};

    while ($sql =~ m{\G(?:
          (?<space>  \s+ | --[^\n]* | $comment )
        | (?<string> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*'
                     | (\$(?:[A-Za-z_]\w*)?\$).*?\g{-1} )
        | (?<name>   "(?:[^"]|"")*" )
        | (?<param>  (?<![:\w]):[A-Za-z_]\w* )
        | (?<word>   [A-Za-z_\x80-\xff][\w\$\x80-\xff]* )
        | (?<other>  :: | \|\| | \d[\w.]* | \$\d+ | . )
        )}xsgc)
    {
        my ($kind) = keys %+;
        my $text = $+{$kind};

        refuse({ file => $file, line => $line },
            'a quote or a comment is opened here and not closed')
            if $kind eq 'other' && ($text =~ /^['"]$/
               || $text eq '/' && substr($sql, pos $sql, 1) eq '*');

        push @tokens, [ $kind, $text =~ m{^(?:--|/\*)} ? ' ' : $text, $line ];
        $line += $text =~ tr/\n//;
    }

    return @tokens;
}


# "a uuid, b text?" as [{ name, type, null }].
sub typed
{
    my ($list, $q, $what) = @_;
    my (@members, %seen);

    for my $item (split /\s*,\s*/, $list) {
        my ($name, $type, $null) =
            $item =~ /^\s*([a-z_]\w*)\s+([a-z]\w*(?:\[\])?)(\?)?\s*$/
            or refuse($q, "\"$item\" is not written as: name type");

        $type = $ALIAS{$type} // $type;

        refuse($q, "the type $type of $name is not known") if !$TYPE{$type};
        refuse($q, "$name is named twice") if $seen{$name}++;
        refuse($q, "$name is a word of C or of the generated function:"
               . ' give it another name')
            if $TAKEN{$name} || $what eq 'argument' && $LOCAL{$name};
        refuse($q, "$name is bound by the runtime and is not an argument")
            if $what eq 'argument' && $name =~ /^(?:tenant|user)$/;
        refuse($q, "$name: a $type cannot be an argument")
            if $what eq 'argument' && !$TYPE{$type}[2];
        refuse($q, "$name: a $type cannot be read back: select it as text"
               . ' or as JSON') if $what ne 'argument' && !$TYPE{$type}[3];

        push @members, { name => $name, type => $type, null => $null ? 1 : 0 };
    }

    return \@members;
}


# The opening comment of a query.
sub opened
{
    my ($q, $mark, $rest) = @_;

    if ($mark eq 'name') {
        my ($name, $args, $gives, $struct) = $rest =~
            /^([a-z]\w*)\s*\((.*)\)\s*->\s*([a-z]\w*\??)(?:\s+([a-z]\w*))?$/s
            or refuse($q, 'a query opens with: -- name: verb(argument type,'
                      . ' ...) -> result');

        ($q->{null}, $q->{name}) = ($gives =~ s/\?$// ? 1 : 0, $name);
        $gives = $ALIAS{$gives} // $gives;
        $q->{args} = typed($args, $q, 'argument');

        refuse($q, "-> $gives: there is no such result")
            if $gives !~ /^(?:rows?|json|none|affected|page)$/
               && !($TYPE{$gives} && $TYPE{$gives}[3]) || $gives eq 'money';
        refuse($q, "-> $gives has no ?")
            if $q->{null} && $gives =~ /^(?:rows|none|affected|page)$/;
        refuse($q, "-> $gives has no struct") if $struct && $gives !~ /^row/;

        $q->{gives} = $gives;
        $q->{struct} = ($struct // "$q->{domain}_sql_${name}_row") . '_t'
            if $gives =~ /^rows?$/;

    } elsif ($mark eq 'row') {
        push @{ $q->{row} }, @{ typed($rest, $q, 'member') };

    } elsif ($mark eq 'lane') {
        ($q->{lane}) = $rest =~ /^(reads|writes|slow)$/
            or refuse($q, 'a lane is reads, writes or slow');

    } elsif ($mark eq 'across tenants') {
        $q->{across} = $rest =~ /\w/ ? $rest
            : refuse($q, 'across tenants: say why');

    } elsif ($mark eq 'sort') {
        push @{ $q->{sorts} }, sorted($q, $rest);

    } else {
        refuse($q, "\"-- $mark:\" is not a mark of a query");
    }
}


sub sorted
{
    my ($q, $rest) = @_;
    my ($sort, $list) = $rest =~ /^(-?[a-z]\w*)\s*=\s*(\S.*)$/s
        or refuse($q, 'a sort is: -- sort: name = column type [desc], ...');
    my @keys;

    for my $key (split /\s*,\s*(?![^()]*\))/, $list) {
        my ($column, $type, $order) =
            $key =~ /^(\S.*?)\s+([a-z]\w*)(?:\s+(asc|desc))?$/i
            or refuse($q, "the key \"$key\" is not: column type [desc]");

        $type = $ALIAS{$type} // $type;
        refuse($q, "the type $type of the key $column is not known")
            if !$TYPE{$type} || !$TYPE{$type}[1];

        push @keys, { column => $column, type => $type,
                      desc => lc($order // '') eq 'desc' ? 1 : 0 };
    }

    refuse($q, "the sort $sort has more than 8 keys") if @keys > 8;

    return { sort => $sort, keys => \@keys };
}


# A file as queries, each with its marks and its tokens.
sub queries
{
    my ($domain, $path, $file) = @_;
    my (@queries, $q, $name, $line, $text);

    open my $in, '<', $path or die "$path: $!\n";

    while (defined($text = <$in>)) {
        $line = $.;

        if ($text =~ /^--\s*name:\s*(.*?)\s*$/) {
            $name = $1;
            push @queries, $q = { domain => $domain, file => $file,
                line => $line, sql => '', body => $line };

            while ($name !~ /->/ && defined($text = <$in>)
                   && $text =~ /^--\s*(.*?)\s*$/)
            {
                $name .= " $1";
            }

            opened($q, name => $name);
            $q->{body} = $. + 1;

        } elsif ($q && $q->{sql} !~ /\S/ && $text =~ /^--/) {
            $q->{body}++;
            local $q->{line} = $line;

            if ($text =~ /^--\s*((?i:lane|row|sort|across tenants)
                          |[a-z]+(?:[ ][a-z]+)?):\s*(.*?)\s*$/x)
            {
                opened($q, lc $1, $2);

            } elsif ($text =~ /^--\s*(\S.*?)\s*$/) {
                push @{ $q->{note} }, $1;
            }

        } elsif ($text =~ /^--\s*(lane|row|sort|across tenants):/i) {
            refuse({ file => $file, line => $line }, "\"-- $1:\" stands between"
                   . ' "-- name:" and the statement');

        } elsif ($q) {
            $q->{sql} .= $text;

        } elsif ($text =~ /^(?!--)\s*\S/) {
            refuse({ file => $file, line => $line },
                'a statement stands before the first "-- name:"');
        }
    }

    $_->{tokens} = [ scan($_->{sql}, $_->{file}, $_->{body}) ] for @queries;

    return @queries;
}


# What the migrations create: { "orders.lines" => { tenant, small } }.  A view,
# a copy or a partition of a tenant's table is a tenant's too.
sub tables
{
    my ($dir, @domains) = @_;
    my $name = qr/(\w+\.\w+)/;
    my %tables = ('pando.migrations' => { small => 1 });

    for my $path (map { sort glob "$dir/$_/[0-9][0-9][0-9]_*.sql" } @domains) {
        my $sql = do { local (@ARGV, $/) = $path; <> };

        for my $statement (statements($sql, $path)) {
            local $_ = lc join(' ', map { $_->[1] } @{ $statement->{tokens} })
                =~ s/ \. /./gr;

            if (/^create (?:\w+ )*?(?:table|view) (?:if not exists )?$name/) {
                my $table = $tables{$1} //= {};
                my @from = /^create (?:\w+ )*view|\bas \(? ?(?:select|with)\b/
                    ? /$name/g : /(?:\bof|like|inherits \() $name/g;

                $table->{tenant} = 1
                    if / tenant_id / || grep { $tables{$_}{tenant} } @from;

            } elsif (/^alter table .*?$name rename to (\w+)/) {
                my ($old, $new) = ($1, $2);
                $tables{$old =~ s/\w+$/$new/r} = delete $tables{$old};

            } elsif (/^alter table .*?$name add .*\btenant_id\b/) {
                $tables{$1}{tenant} = 1;

            } elsif (/^drop (?:\w+ )*?(?:table|view) .*?$name/) {
                delete $tables{$1};
            }
        }

        while ($sql =~ /^--[ ]small:[ ]\S.*\n(?:--.*\n)*
                        create[ ](?:\w+[ ])*?(\w+\.\w+)\s*\(/gimx)
        {
            $tables{lc $1}{small} = 1;
        }
    }

    return \%tables;
}


# A file's statements: { line, text, tokens }, the tokens without white space.
sub statements
{
    my ($sql, $file) = @_;
    my @statements = ({ text => '', tokens => [] });

    for my $token (scan($sql, $file, 1)) {
        my $last = $statements[-1];

        if ($token->[1] eq ';') {
            push @statements, { text => '', tokens => [] };
            next;
        }

        $last->{text} .= $token->[1] if $last->{line} || $token->[1] =~ /\S/;

        if ($token->[0] ne 'space') {
            $last->{line} //= $token->[2];
            push @{ $last->{tokens} }, $token;
        }
    }

    return grep { $_->{line} } @statements;
}


# Parameters are counted from 1 in the order in which they are first used; a
# page's keys and limit come behind them.
sub numbered
{
    my ($q) = @_;
    my %declared = map { $_->{name} => $_ } @{ $q->{args} };
    my $n = 0;

    $q->{params} = [];

    for my $name (map { substr $_->[1], 1 }
                  grep { $_->[0] eq 'param' } @{ $q->{tokens} })
    {
        next if $q->{number}{$name}
            || $q->{gives} eq 'page' && $name =~ $Rules::MARKS;
        $q->{number}{$name} = ++$n;
        push @{ $q->{params} }, $declared{$name}
            // { name => $name, type => 'uuid', null => 0 };
    }

    refuse($q, "$q->{name} has $n parameters; 40 is the most, 31 for a page")
        if $n > ($q->{gives} eq 'page' ? 31 : 40);
}


# The texts of a query: one, or two for each sort of a page.
sub texts
{
    my ($q) = @_;
    my @oids = map { $TYPE{$_->{type}}[1] } @{ $q->{params} };
    my $full = "$q->{domain}.$q->{name}";
    my @texts;

    if ($q->{gives} ne 'page') {
        return { id => $q->{name}, full => $full, sql => text($q),
                 oids => \@oids };
    }

    for my $sort (@{ $q->{sorts} }) {
        my @keys = @{ $sort->{keys} };
        my @types = map { $TYPE{$_->{type}}[1] } @keys;
        my $id = "$q->{name}_" . $sort->{sort} =~ s/^-(.*)/$1_desc/r;

        for my $which ('first', 'after') {
            my $m = @oids;
            my @at = map { '$' . ++$m } $which eq 'after' ? @keys : ();

            push @texts, { id => "${id}_$which", sort => $sort,
                which => $which, full => "$full/$sort->{sort}/$which",
                oids => [ @oids, $which eq 'after' ? @types : (),
                          $TYPE{bigint}[1] ],
                sql => text($q,
                    keys => named(@keys),
                    order => join(', ', map { $_->{column}
                                    . ($_->{desc} ? ' DESC' : '') } @keys),
                    after => @at ? behind(\@keys, \@at) : 'true',
                    limit => '$' . ++$m) };
        }
    }

    return @texts;
}


# The columns behind the document.  They have names of their own: ORDER BY id
# would else mean the text of the id, and neither its order nor its index.
sub named
{
    my $n = 0;

    return join '', map { $n++; ", $_->{column}::text AS key_$n" } @_;
}


sub text
{
    my ($q, %marks) = @_;
    my $sql = join '', map {
        $_->[0] ne 'param' ? $_->[1]
        : $marks{substr $_->[1], 1} // '$' . $q->{number}{substr $_->[1], 1}
    } @{ $q->{tokens} };

    return [ grep { /\S/ } map { s/\s+$//r }
             split /\n/, $sql =~ s/;\s*$//r ];
}


# What comes behind the row whose keys are given.  One direction is a row
# comparison; where they differ it is written out so that the first key's bound
# stands alone, for the index.
sub behind
{
    my ($keys, $at) = @_;
    my @columns = map { $_->{column} } @$keys;
    my @than = map { $_->{desc} ? '<' : '>' } @$keys;

    if (!grep { $_ ne $than[0] } @than) {
        return sprintf '(%s) %s (%s)', join(', ', @columns), $than[0],
            join(', ', @$at);
    }

    my $rest = "$columns[-1] $than[-1] $at->[-1]";

    for my $i (reverse 0 .. $#columns - 1) {
        $rest = "$columns[$i] $than[$i]= $at->[$i]"
            . " AND ($columns[$i] $than[$i] $at->[$i] OR $rest)";
    }

    return "($rest)";
}


# All of a domain: { queries, structs, tables }.
sub domain
{
    my ($dir, $domain) = @_;
    my (%seen, %structs, @structs);
    my @files = grep { !m{/(?:\d{3}_|demo)[^/]*$} }
        sort glob "$dir/$domain/*.sql";
    my @queries = map { queries($domain, $_, s{^\Q$dir\E/}{sql/}r) } @files;
    my $tables = tables($dir, 'pando', $domain eq 'pando' ? () : $domain);

    for my $q (@queries) {
        my $first = $seen{$q->{name}};

        refuse($q, "$q->{name} is also at $first") if $first;
        $seen{$q->{name}} = "$q->{file}:$q->{line}";

        Rules::checked($q, $tables);
        numbered($q);
        $q->{texts} = [ texts($q) ];

        if ($q->{row} && $q->{struct} && !$structs{$q->{struct}}) {
            push @structs, $structs{$q->{struct}} = $q;
        }
    }

    for my $q (grep { $_->{struct} } @queries) {
        my $typed = $structs{$q->{struct}} or refuse($q,
            "$q->{struct} is not typed: add \"-- row: name type, ...\"");

        Rules::agreed($q, $typed) if $q->{row};
        $q->{row} = $typed->{row};
    }

    return { queries => \@queries, tables => $tables,
        structs => [ map { { name => $_->{struct}, row => $_->{row} } }
                     @structs ] };
}

1;
