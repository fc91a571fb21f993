"""A person's own data, or a public dataset, as the daily tables of `recsys.tables`.

`importing` is the path from top to bottom. `files` opens what the configuration names (`recbole`,
`delimited`, `columnar`) and matches its columns with ours (`columns`). `judging` reads the rows as
they are (`reading`), parses them and says why one is bad (`parse`, `checks`), and sets the bad ones
aside (`rejects`). `assemble` puts the good ones in order, and `write` writes them day by day.
"""
